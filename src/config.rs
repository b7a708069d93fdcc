//! Settings of the server: flags, then environment, then file, then defaults.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

/// What `serve` needs to know, every gap filled.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Where everything durable lives.
    pub data_dir: PathBuf,
    /// How clients reach this server, without a final slash; `None` means the address that is listened on.
    pub public_url: Option<String>,
    /// The region of callers whose signature names none.
    pub region: String,
    /// The account of credentials that name none; twelve digits.
    pub account: String,
    /// Whether signatures are verified.
    pub auth: AuthMode,
    /// The access keys that may call.
    pub credentials: Vec<AccessKey>,
    /// Whose quotas and bounds apply.
    pub limits: Limits,
    /// What an acknowledgement survives.
    pub durability: Durability,
    /// Keep what is good of damaged files instead of refusing them.
    pub repair: bool,
    /// Where harvested files go.
    pub harvest: HarvestTarget,
}

/// Where harvested files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HarvestTarget {
    /// Nothing was set up: jobs fail and say so.
    Nowhere,
    /// Buckets are folders below this one.
    Folder(PathBuf),
    /// S3, or what speaks like it.
    S3 {
        /// Start of its URLs; `None` is AWS's own.
        endpoint: Option<String>,
        /// Who we are there.
        credentials: S3Credentials,
    },
}

/// Credentials for S3. Written `ACCESS_KEY:SECRET` or `ACCESS_KEY:SECRET:SESSION_TOKEN`.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// The access key's id.
    pub access_key: String,
    /// Its secret; shown nowhere.
    pub secret: String,
    /// Its session token, if it is a temporary one; shown nowhere.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "S3Credentials({}:***)", self.access_key)
    }
}

impl FromStr for S3Credentials {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(access_key), Some(secret), session_token)
                if !access_key.is_empty() && !secret.is_empty() && session_token.as_deref() != Some("") =>
            {
                Ok(S3Credentials { access_key, secret, session_token })
            }
            _ => Err(SettingsError::S3Credentials),
        }
    }
}

impl<'de> Deserialize<'de> for S3Credentials {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether signatures are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Every API request must carry a right SigV4 signature.
    Verify,
    /// Anything is accepted, signed or not.
    Off,
}

/// Whose quotas and bounds apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Limits {
    /// Those of AWS.
    Aws,
    /// None where the software can do more.
    Relaxed,
}

/// What an acknowledgement survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The death of the process and a power cut: flushed to disk before it is acknowledged.
    Flush,
    /// The death of the process, but a power cut may take the last second: for slow disks.
    Fast,
}

/// An access key, its secret and whose it is. Written `ACCESS_KEY:SECRET` or `ACCESS_KEY:SECRET:ACCOUNT`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The id that requests carry.
    pub id: String,
    /// The secret that signs; shown nowhere.
    pub secret: String,
    /// Twelve digits; `None` means the server's default account.
    pub account: Option<String>,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AccessKey({}:***:{:?})", self.id, self.account)
    }
}

impl FromStr for AccessKey {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let (rest, account) = match text.rsplit_once(':') {
            Some((rest, tail)) if rest.contains(':') => (rest, Some(tail)),
            _ => (text, None),
        };
        let Some((id, secret)) = rest.split_once(':') else { return Err(SettingsError::Credentials) };
        let id_fits =
            !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.@".contains(letter));
        if !id_fits || secret.is_empty() || account.is_some_and(|account| !is_account(account)) {
            return Err(SettingsError::Credentials);
        }
        Ok(AccessKey { id: id.to_owned(), secret: secret.to_owned(), account: account.map(str::to_owned) })
    }
}

impl<'de> Deserialize<'de> for AccessKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings file {path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is not TOML, or has a member that does not exist or does not fit.
    #[error("the settings file {path} is wrong: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        reason: String,
    },
    /// An access key is not written as it should be. The value is not repeated: it holds a secret.
    #[error("credentials must be ACCESS_KEY:SECRET or ACCESS_KEY:SECRET:ACCOUNT with an account of 12 digits")]
    Credentials,
    /// The credentials for S3 are not written as they should be. The value is not repeated: it holds a secret.
    #[error("s3-credentials must be ACCESS_KEY:SECRET or ACCESS_KEY:SECRET:SESSION_TOKEN")]
    S3Credentials,
    /// The URL of S3 cannot start URLs.
    #[error("s3-endpoint must be http:// or https:// with a host and no query, not {0:?}")]
    S3Endpoint(String),
    /// A place for harvested files that is named twice or by half.
    #[error(
        "harvested files go to S3 (s3-credentials, s3-endpoint) or to a harvest-folder, not both; s3-endpoint needs s3-credentials"
    )]
    HarvestTarget,
    /// The account is not twelve digits.
    #[error("account must be 12 digits, not {0:?}")]
    Account(String),
    /// The region is empty or has characters that no region has.
    #[error("region must be like eu-central-1, not {0:?}")]
    Region(String),
    /// The public URL cannot start URLs.
    #[error("public-url must be http:// or https:// with a host and no query, not {0:?}")]
    PublicUrl(String),
}

/// One layer of settings with gaps: the flags and environment, or a file.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SettingsLayer {
    /// Address and port to listen on [default: 127.0.0.1:4790]
    #[arg(long, env = "OPENMEDIAPACKAGE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Folder where everything durable lives [default: ./data]
    #[arg(long, env = "OPENMEDIAPACKAGE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// How clients reach this server, the start of every ingest and playback URL [default: http://<listen>]
    #[arg(long, env = "OPENMEDIAPACKAGE_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Region of callers whose signature names none [default: us-east-1]
    #[arg(long, env = "OPENMEDIAPACKAGE_REGION")]
    pub region: Option<String>,
    /// Account of credentials that name none, 12 digits [default: 000000000000]
    #[arg(long, env = "OPENMEDIAPACKAGE_ACCOUNT")]
    pub account: Option<String>,
    /// Whether AWS signatures are verified [default: verify]
    #[arg(long, env = "OPENMEDIAPACKAGE_AUTH")]
    pub auth: Option<AuthMode>,
    /// ACCESS_KEY:SECRET[:ACCOUNT] that may call the API; repeatable [default: test:test]
    #[arg(long, env = "OPENMEDIAPACKAGE_CREDENTIALS", value_delimiter = ',', hide_env_values = true)]
    pub credentials: Option<Vec<AccessKey>>,
    /// Quotas and bounds: those of AWS, or none where the software can do more [default: aws]
    #[arg(long, env = "OPENMEDIAPACKAGE_LIMITS")]
    pub limits: Option<Limits>,
    /// What an acknowledged write survives: flush, a power cut; fast, the death of the process [default: flush]
    #[arg(long, env = "OPENMEDIAPACKAGE_DURABILITY")]
    pub durability: Option<Durability>,
    /// Start of the URLs of the S3 service that harvest jobs write to, path style [default: AWS's own]
    #[arg(long, env = "OPENMEDIAPACKAGE_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// ACCESS_KEY:SECRET[:SESSION_TOKEN] with which harvest jobs write to S3
    #[arg(long, env = "OPENMEDIAPACKAGE_S3_CREDENTIALS", hide_env_values = true)]
    pub s3_credentials: Option<S3Credentials>,
    /// Folder that harvest jobs write to instead of S3: each bucket is a folder in it
    #[arg(long, env = "OPENMEDIAPACKAGE_HARVEST_FOLDER")]
    pub harvest_folder: Option<PathBuf>,
}

impl SettingsLayer {
    /// Reads a layer from a TOML file whose members are named like the flags.
    pub fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SettingsError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
        // The message alone: the rendered excerpt of the file could show a secret.
        toml::from_str(&text)
            .map_err(|error| SettingsError::Malformed { path: path.to_owned(), reason: error.message().to_owned() })
    }

    /// Fills this layer's gaps from `lower`.
    pub fn over(self, lower: SettingsLayer) -> SettingsLayer {
        SettingsLayer {
            listen: self.listen.or(lower.listen),
            data_dir: self.data_dir.or(lower.data_dir),
            public_url: self.public_url.or(lower.public_url),
            region: self.region.or(lower.region),
            account: self.account.or(lower.account),
            auth: self.auth.or(lower.auth),
            credentials: self.credentials.or(lower.credentials),
            limits: self.limits.or(lower.limits),
            durability: self.durability.or(lower.durability),
            s3_endpoint: self.s3_endpoint.or(lower.s3_endpoint),
            s3_credentials: self.s3_credentials.or(lower.s3_credentials),
            harvest_folder: self.harvest_folder.or(lower.harvest_folder),
        }
    }

    /// Fills the remaining gaps with defaults and checks the values.
    pub fn finish(self) -> Result<Settings, SettingsError> {
        let account = self.account.unwrap_or_else(|| "000000000000".to_owned());
        if !is_account(&account) {
            return Err(SettingsError::Account(account));
        }
        let region = self.region.unwrap_or_else(|| "us-east-1".to_owned());
        if !is_region(&region) {
            return Err(SettingsError::Region(region));
        }
        let public_url = self.public_url.map(|url| checked_url(url, SettingsError::PublicUrl)).transpose()?;
        let s3_endpoint = self.s3_endpoint.map(|url| checked_url(url, SettingsError::S3Endpoint)).transpose()?;
        let harvest = match (self.harvest_folder, self.s3_credentials, s3_endpoint) {
            (None, None, None) => HarvestTarget::Nowhere,
            (Some(folder), None, None) => HarvestTarget::Folder(folder),
            (None, Some(credentials), endpoint) => HarvestTarget::S3 { endpoint, credentials },
            _ => return Err(SettingsError::HarvestTarget),
        };
        let default_key = || AccessKey { id: "test".to_owned(), secret: "test".to_owned(), account: None };
        Ok(Settings {
            listen: self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 4790))),
            data_dir: self.data_dir.unwrap_or_else(|| PathBuf::from("./data")),
            public_url,
            region,
            account,
            auth: self.auth.unwrap_or(AuthMode::Verify),
            credentials: self.credentials.unwrap_or_else(|| vec![default_key()]),
            limits: self.limits.unwrap_or(Limits::Aws),
            durability: self.durability.unwrap_or(Durability::Flush),
            repair: false,
            harvest,
        })
    }
}

/// True for twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True for what may stand as a region in keys, ARNs and URLs.
pub fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn checked_url(text: String, wrong: fn(String) -> SettingsError) -> Result<String, SettingsError> {
    let fits = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !text.contains(['#', '@'])
    });
    if fits { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wrong(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_layer_wins_and_defaults_fill_the_rest() {
        let upper = SettingsLayer { region: Some("eu-west-1".into()), ..Default::default() };
        let lower: SettingsLayer = toml::from_str("region = \"sa-east-1\"\naccount = \"123456789012\"").unwrap();
        let settings = upper.over(lower).finish().unwrap();
        assert_eq!(settings.region, "eu-west-1");
        assert_eq!(settings.account, "123456789012");
        assert_eq!(settings.listen.port(), 4790);
        assert_eq!(settings.credentials[0].id, "test");
    }

    #[test]
    fn a_member_that_does_not_exist_is_refused() {
        assert!(toml::from_str::<SettingsLayer>("regoin = \"sa-east-1\"").is_err());
    }

    #[test]
    fn access_keys_have_two_or_three_parts_and_hide_their_secret() {
        let key: AccessKey = "AKIA1:s3/+=x:123456789012".parse().unwrap();
        assert_eq!((key.id.as_str(), key.secret.as_str()), ("AKIA1", "s3/+=x"));
        assert_eq!(key.account.as_deref(), Some("123456789012"));
        assert!(!format!("{key:?}").contains("s3/"));
        for wrong in ["", "a", "a:", ":b", "a:b:12", "a b:c", "a:b:c:d"] {
            assert!(wrong.parse::<AccessKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_key_in_a_file_is_refused_without_showing_it() {
        let refused = toml::from_str::<SettingsLayer>("credentials = [\"hunter2\"]").unwrap_err();
        assert!(!refused.message().contains("hunter2"), "{}", refused.message());
    }

    #[test]
    fn harvested_files_go_to_one_place() {
        let layer = |folder: bool, credentials: bool, endpoint: bool| {
            let layer = SettingsLayer {
                harvest_folder: folder.then(|| "out".into()),
                s3_credentials: credentials.then(|| "k:s".parse().unwrap()),
                s3_endpoint: endpoint.then(|| "http://s3.example:9000/".into()),
                ..Default::default()
            };
            layer.finish().map(|settings| settings.harvest)
        };
        assert_eq!(layer(false, false, false).unwrap(), HarvestTarget::Nowhere);
        assert_eq!(layer(true, false, false).unwrap(), HarvestTarget::Folder("out".into()));
        let HarvestTarget::S3 { endpoint, .. } = layer(false, true, true).unwrap() else { panic!() };
        assert_eq!(endpoint.as_deref(), Some("http://s3.example:9000"));
        for (folder, credentials, endpoint) in [(true, true, false), (true, false, true), (false, false, true)] {
            assert!(layer(folder, credentials, endpoint).is_err());
        }
        let temporary: S3Credentials = "k:s:t:u".parse().unwrap();
        assert_eq!(temporary.session_token.as_deref(), Some("t:u"));
        assert!(!format!("{temporary:?}").contains("t:u"));
        for wrong in ["", "k", "k:", ":s", "k:s:"] {
            assert!(wrong.parse::<S3Credentials>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn public_urls_lose_their_last_slash_and_need_a_host() {
        let layer = |url: &str| SettingsLayer { public_url: Some(url.into()), ..Default::default() }.finish();
        assert_eq!(layer("https://live.example/").unwrap().public_url.as_deref(), Some("https://live.example"));
        for wrong in ["live.example", "ftp://x", "http://", "http://x/?q", "http://u@x"] {
            assert!(layer(wrong).is_err(), "{wrong}");
        }
    }
}
