/// Keys and values in files: `KvFile` is records with checksums, `KvDisk` the threads around it.
package io.dejavu.kv.disk;
