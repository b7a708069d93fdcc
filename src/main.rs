//! The binary: see [`openmediapackage::cli`].

fn main() -> std::process::ExitCode {
    openmediapackage::cli::run()
}
