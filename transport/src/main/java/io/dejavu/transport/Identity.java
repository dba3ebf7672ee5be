package io.dejavu.transport;

import java.util.UUID;

/// Who a process is: a name that survives restarts, and which start of it this is.
///
/// @param name 1 to 64 letters, digits and `._:-`
/// @param incarnation another one each time the process starts
public record Identity(String name, UUID incarnation) {
  /// Most characters of a name.
  public static final int MOST_NAME = 64;

  public Identity {
    if (!name.matches("[A-Za-z0-9._:-]{1,64}")) {
      throw new IllegalArgumentException(
          "a name is 1 to 64 letters, digits and ._:- but this is '%.80s'".formatted(name));
    }
  }

  /// A process that starts now.
  public static Identity of(String name) {
    return new Identity(name, UUID.randomUUID());
  }
}
