//! Erasing, with a relay that carries the end.

use handoff::conversation::{Agent, Side};
use handoff::erasure::{Eraser, Progress};
use handoff::files::NoFiles;
use handoff::store::Asked;
use handoff::time::Clock as _;

use crate::fake::{Bridge, id};

async fn erase(bridge: &Bridge) -> Progress {
    let clock = bridge.clock.shared();
    let by = Agent {
        id: "eve".into(),
        name: "Eve".into(),
    };
    let eraser = Eraser {
        store: &bridge.store,
        files: &NoFiles,
        clock: &clock,
        retention_days: 90,
        at_once: false,
    };
    let asked = Asked {
        by: &by,
        of_person: false,
    };
    eraser.conversation(&id(), &asked).await.unwrap()
}

#[tokio::test]
async fn gptbots_is_told_of_the_end_before_anything_is_erased() {
    let bridge = Bridge::connected().await;
    bridge.post("bye").await;
    assert_eq!(erase(&bridge).await, Progress::Ending);
    assert_eq!(erase(&bridge).await, Progress::Ending);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["bye", "CLOSE"]);
    assert_eq!(erase(&bridge).await, Progress::Done);
    assert_eq!(erase(&bridge).await, Progress::Nothing);
    assert!(bridge.store.conversation(&id()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_line_that_was_sent_before_the_erasure_is_forgotten_when_it_comes() {
    let bridge = Bridge::connected().await;
    bridge.user_leaves(200).await;
    bridge.ring(Side::Desk).await;
    assert_eq!(erase(&bridge).await, Progress::Done);
    // Sent before, and stored late.
    bridge.chat(150, "late words").await;
    // Sent after: it may have overtaken its establish.
    let after = bridge.clock.now() + 10;
    bridge.chat(after, "new words").await;
    bridge.ring(Side::Desk).await;
    let lane = bridge.store.lane(&id(), Side::Desk).await.unwrap();
    let texts: Vec<_> = lane
        .entries
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    assert_eq!(texts, ["new words"]);
    assert!(bridge.entries("late words").await.is_empty());
    bridge.establish(after - 5).await;
    bridge.ring(Side::Desk).await;
    assert_eq!(
        bridge.delivery("new words").await,
        handoff::conversation::Delivery::Delivered
    );
}
