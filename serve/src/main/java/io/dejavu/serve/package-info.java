/// The command line's beginning, and what people run: serving, generating, fetching models, and
/// whether all is there. Start at `Dejavu`; a server is made in `LocalServer`.
///
/// | below it | what |
/// |---|---|
/// | `bench` | what is measured through HTTP, or of a model alone |
/// | `bench.kv` | what is measured of keys and values that move |
/// | `bench.kv.survive` | processes that are killed, and others that go on |
/// | `cli` | what several commands share; knows none of them |
/// | `logging` | what is logged, and how it looks |
package io.dejavu.serve;
