//! The binary: parse, run, exit.

fn main() -> std::process::ExitCode {
    cback::cli::main()
}
