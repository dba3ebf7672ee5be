/// Where keys and values lie, who may use which block of them, and who gets which part of them when
/// two sides split a model differently. Below it, none of which this knows:
///
/// - `stream`: moves them to peers, and into files and back;
/// - `disk`: blocks in a file, for what is behind the prefix cache and for streams;
/// - `kept`: memory that outlives its process.
package io.dejavu.kv;
