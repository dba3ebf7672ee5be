package io.dejavu.model;

import io.dejavu.tensor.BFloat16;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Safetensors files, right and wrong ones.
final class TinyCheckpoint {
  private TinyCheckpoint() {}

  /// A file with any header in front of `data` bytes of zeros.
  static Path raw(Path directory, String header, int data) throws IOException {
    return raw(directory, header, new byte[data]);
  }

  static Path raw(Path directory, String header, byte[] data) throws IOException {
    return Files.write(directory.resolve(SafeTensors.SINGLE), file(header, data));
  }

  static byte[] file(String header, byte[] data) throws IOException {
    var json = header.getBytes(StandardCharsets.UTF_8);
    var out = new ByteArrayOutputStream();
    out.write(number(json.length));
    out.write(json);
    out.write(data);
    return out.toByteArray();
  }

  static byte[] number(long n) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(n).array();
  }

  /// `a` [2, 3] bf16, `b` [3] f32, `c` [1, 2] f16 and a mask of bytes, all counting up from 1.
  static byte[] valid() throws IOException {
    var data = ByteBuffer.allocate(12 + 12 + 4 + 2).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 1; i <= 6; i++) {
      data.putShort(BFloat16.fromFloat(i));
    }
    for (int i = 1; i <= 3; i++) {
      data.putFloat(i);
    }
    data.putShort(Float.floatToFloat16(1)).putShort(Float.floatToFloat16(2)).put(new byte[2]);
    return file(
        """
        {"__metadata__":{"format":"pt"},
         "a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},
         "b":{"dtype":"F32","shape":[3],"data_offsets":[12,24]},
         "c":{"dtype":"F16","shape":[1,2],"data_offsets":[24,28]},
         "mask":{"dtype":"BOOL","shape":[2],"data_offsets":[28,30]}}""",
        data.array());
  }
}
