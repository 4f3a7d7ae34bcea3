//! The program of the command line under another name, so that the tests find it (`CARGO_BIN_EXE_stack-under-test`): functions are
//! child processes of it.

fn main() -> std::process::ExitCode {
    lead_export_local::main()
}
