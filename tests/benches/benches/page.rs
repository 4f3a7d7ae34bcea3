//! `cargo bench -p benches`: a page of 1 000 leads to CSV.
#![allow(missing_docs, reason = "criterion's macros document nothing")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot set up has failed")]

use benches::page::PageToCsv;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn page(criterion: &mut Criterion) {
    let mut work = PageToCsv::new().unwrap();
    let mut group = criterion.benchmark_group("page to CSV");
    group.throughput(Throughput::Bytes(work.len() as u64));
    group.bench_function("1000 leads", |bencher| {
        bencher.iter(|| work.turn().unwrap());
    });
    group.finish();
}

criterion_group!(benches, page);
criterion_main!(benches);
