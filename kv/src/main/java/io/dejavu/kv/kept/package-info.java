/// Memory that outlives its process: start at `KeptMemory`; `KeptLayout` has the drawings.
package io.dejavu.kv.kept;
