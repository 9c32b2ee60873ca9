//! Whose conversations a command is about.

use clap::{ArgGroup, Args};
use handoff::conversation::{Conversation, ConversationId, PersonBy};
use handoff::random::Random;
use handoff::store::{Client, Person, Store};
use handoff::time::SystemClock;

use crate::Error;
use crate::aws::{Deployment, Outputs};

/// Names a conversation, or a person by what GPTBots knows them by.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["conversation", "user_id", "anonymous_id", "phone"])))]
pub(crate) struct Whom {
    /// This conversation.
    #[arg(long, value_name = "ID", value_parser = conversation_id)]
    pub(crate) conversation: Option<ConversationId>,
    /// All conversations of the person who had this one.
    #[arg(long, requires = "conversation")]
    pub(crate) person: bool,
    /// All conversations of the person with this user_id at the bot.
    #[arg(long, value_name = "ID", requires = "bot")]
    user_id: Option<String>,
    /// All conversations of the person with this anonymous_id at the bot.
    #[arg(long, value_name = "ID", requires = "bot")]
    anonymous_id: Option<String>,
    /// All conversations of the person with this phone number at the bot.
    #[arg(long, value_name = "NUMBER", requires = "bot")]
    phone: Option<String>,
    /// The bot.
    #[arg(long, value_name = "ID")]
    bot: Option<String>,
}

fn conversation_id(text: &str) -> Result<ConversationId, String> {
    ConversationId::new(text).map_err(|error| error.to_string())
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The person; `None` where one conversation is meant.
    pub(crate) person: Option<Person>,
    /// Their conversations.
    pub(crate) ids: Vec<ConversationId>,
    /// What else there may be of them, in words that name no id.
    pub(crate) also: Vec<String>,
}

impl Whom {
    /// Finds the conversations.
    pub(crate) async fn find(&self, store: &Store) -> Result<Found, Error> {
        let Some(person) = self.person(store).await? else {
            return Ok(Found {
                ids: self.conversation.iter().cloned().collect(),
                ..Found::default()
            });
        };
        let ids = store.conversations_of(&person).await?;
        let mut known: Vec<Conversation> = Vec::new();
        for id in &ids {
            known.extend(store.conversation(id).await?);
        }
        let linked = store.linked(&known).await?;
        let also = linked.iter().map(|linked| {
            let (by, number) = (linked.by, linked.conversations);
            format!("These conversations also have a {by} by which {number} further ones are known. If that is the same person, give it as --{}.", option(by))
        });
        Ok(Found {
            person: Some(person),
            ids,
            also: also.collect(),
        })
    }

    async fn person(&self, store: &Store) -> Result<Option<Person>, Error> {
        let bot = self.bot.as_deref().unwrap_or_default();
        let given = [
            (PersonBy::UserId, &self.user_id),
            (PersonBy::AnonymousId, &self.anonymous_id),
            (PersonBy::Phone, &self.phone),
        ];
        for (by, value) in given {
            if let Some(value) = value {
                return Ok(Some(Person::known_by(bot, by, value)));
            }
        }
        let Some(id) = self.conversation.as_ref().filter(|_| self.person) else {
            return Ok(None);
        };
        let known = store.conversation(id).await?;
        let person = known.as_ref().and_then(Person::of);
        person.map(Some).ok_or_else(|| {
            Error::Usage(
                "this conversation is not known: give the person's user_id, anonymous_id or phone"
                    .to_owned(),
            )
        })
    }
}

fn option(by: PersonBy) -> &'static str {
    match by {
        PersonBy::UserId => "user-id",
        PersonBy::AnonymousId => "anonymous-id",
        PersonBy::Phone => "phone",
    }
}

/// The table of a deployment, and what else its outputs tell.
pub(crate) async fn store(
    deployment: &Deployment,
) -> Result<(Store, Outputs, aws_config::SdkConfig), Error> {
    let outputs = deployment.resolve()?;
    let table = outputs.table.clone().ok_or_else(|| {
        Error::Usage("which table? Give --table, --stack or --outputs".to_owned())
    })?;
    let config = crate::aws::sdk_config().await;
    let client = Client::new(&config);
    let store = Store::new(client, table, SystemClock::shared(), Random::from_entropy());
    Ok((store, outputs, config))
}
