/// Streams of keys and values. `KvSender` and `KvReceiver` are the two ends, with their threads
/// (`SenderLane`, `ReceiverLane`); what they do next is decided by `SenderState` and
/// `ReceiverState`, which touch no byte, thread or clock. `KvLanding` is whoever says where a
/// stream may go; `KvShelf` is one that keeps what arrives. `KvFileStreams` streams into a file,
/// decided by `FileState`.
package io.dejavu.kv.stream;
