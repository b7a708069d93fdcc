//! `openmediapackage serve`.

use std::path::PathBuf;

use crate::app::App;
use crate::config::{Settings, SettingsLayer};

/// Flags of `serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// TOML file with settings named like these flags; flags and environment win over it
    #[arg(long, env = "OPENMEDIAPACKAGE_CONFIG")]
    config: Option<PathBuf>,
    /// Keep what is good of a channel's damaged journal, instead of refusing to play the channel; the damaged file
    /// stays beside it
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    settings: SettingsLayer,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT.
    pub(super) fn run(self) -> Result<(), String> {
        super::log_to_stderr();
        let settings = self.settings().map_err(|error| error.to_string())?;
        super::runtime()?.block_on(async {
            let app = App::start(settings).await.map_err(|error| error.to_string())?;
            super::announce(&app.listen_url())?;
            app.run_until(super::stop_signal()?).await;
            Ok(())
        })
    }

    fn settings(self) -> Result<Settings, crate::config::SettingsError> {
        let file = self.config.as_deref().map(SettingsLayer::from_file).transpose()?.unwrap_or_default();
        let settings = self.settings.over(file).finish()?;
        Ok(Settings { repair: self.repair, ..settings })
    }
}
