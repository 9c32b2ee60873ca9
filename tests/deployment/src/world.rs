//! A small internet of our own: a Linux network namespace with loopback only, in which this
//! machine has GPTBots' address, and names, certificates and AWS' paths are ours to set. What
//! is changed under `/etc` is changed in an overlay that goes away with the namespace.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::edge::Certificates;
use crate::error::{Error, ensure, failed};

/// Where GPTBots lives here. A deployed relay calls public addresses only, so this has to be one
/// by every rule and yet nobody's: of the prefix of AS112 (RFC 7535), which is globally reachable and
/// answers nothing but DNS. Here it leads no further than the namespace.
pub(crate) const GPTBOTS_ADDRESS: &str = "192.31.196.1";
/// GPTBots' default host: what the functions call where the secret names no other.
pub(crate) const GPTBOTS_HOST: &str = "api-sg.gptbots.ai";
/// The region of the emulated account.
pub(crate) const REGION: &str = "us-east-1";
/// Where a `provided.al2023` environment has its certificates, which the template names.
pub(crate) const LAMBDA_CERTIFICATES: &str = "/etc/pki/tls/certs/ca-bundle.crt";

/// Runs this program again inside a namespace of its own; all its processes end with it.
/// Whether it succeeded.
pub(crate) fn enter(folder: &Path, only: Option<&str>) -> Result<bool, Error> {
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--net", "--mount", "--pid"])
        .args(["--fork", "--mount-proc", "--kill-child"])
        .arg(std::env::current_exe()?)
        .arg("--inside")
        .arg("--folder")
        .arg(folder);
    if let Some(only) = only {
        command.args(["--only", only]);
    }
    // Nothing of the caller's AWS, proxy or certificate settings may reach what runs inside.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        if ["AWS_", "SAM_", "SSL_", "PIP_"]
            .iter()
            .any(|of| upper.starts_with(of))
            || ["_PROXY", "_CA_BUNDLE", "_CA_CERTS"]
                .iter()
                .any(|of| upper.ends_with(of))
        {
            command.env_remove(name);
        }
    }
    // This program and the stand-in trust the authority that `furnish` makes.
    command.env("SSL_CERT_FILE", LAMBDA_CERTIFICATES);
    let status = command.status()?;
    if status.code() == Some(1) || status.success() {
        return Ok(status.success());
    }
    failed(format!(
        "no namespace of its own ({status}): this needs Linux with user namespaces (in a container: --privileged)"
    ))
}

/// The furnished namespace.
#[derive(Debug)]
pub(crate) struct World {
    /// The authority that vouches for every host here.
    pub(crate) certificates: Certificates,
}

impl World {
    /// Brings loopback up, gives it GPTBots' address and lays certificates and names out.
    pub(crate) fn furnish(folder: &Path) -> Result<Self, Error> {
        run("ip", &["link", "set", "lo", "up"])?;
        gptbots_address(true)?;
        let scratch = folder.join("etc");
        fs::create_dir_all(&scratch)?;
        let scratch_path = scratch.to_string_lossy().into_owned();
        run("mount", &["-t", "tmpfs", "tmpfs", &scratch_path])?;
        for part in ["upper", "work"] {
            fs::create_dir(scratch.join(part))?;
        }
        let layers =
            format!("lowerdir=/etc,upperdir={scratch_path}/upper,workdir={scratch_path}/work");
        run(
            "mount",
            &["-t", "overlay", "overlay", "-o", &layers, "/etc"],
        )?;
        fs::write(
            "/etc/hosts",
            format!("127.0.0.1 localhost\n{GPTBOTS_ADDRESS} {GPTBOTS_HOST}\n"),
        )?;
        for service in ["dynamodb", "sqs", "secretsmanager", "cognito-idp"] {
            name_here(&format!("{service}.{REGION}.amazonaws.com"))?;
        }
        let certificates = Certificates::new()?;
        if let Some(parent) = Path::new(LAMBDA_CERTIFICATES).parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(LAMBDA_CERTIFICATES, certificates.authority())?;
        Ok(Self { certificates })
    }
}

/// Lets a name lead to this machine, as DNS would once AWS has given it out.
pub(crate) fn name_here(name: &str) -> Result<(), Error> {
    let mut hosts = fs::read_to_string("/etc/hosts")?;
    hosts.push_str(&format!("127.0.0.1 {name}\n"));
    Ok(fs::write("/etc/hosts", hosts)?)
}

/// Gives this machine GPTBots' address or takes it away: then connections to it fail at once.
pub(crate) fn gptbots_address(here: bool) -> Result<(), Error> {
    let what = if here { "add" } else { "del" };
    let address = format!("{GPTBOTS_ADDRESS}/32");
    run("ip", &["address", what, &address, "dev", "lo"])
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new(program).args(arguments).output()?;
    ensure(output.status.success(), || {
        format!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )
    })
}
