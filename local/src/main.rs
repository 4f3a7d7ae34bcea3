//! `lead-export`: the whole system in one program, and its command line.

fn main() -> std::process::ExitCode {
    lead_export_local::main()
}
