//! The program: everything is in the library.

/// Reading SQL and artifacts is mostly small pieces of memory, taken by several threads and given back by others: a third of the time with the
/// system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    presscheck::cli::main()
}
