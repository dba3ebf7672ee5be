package io.dejavu.transport;

import io.dejavu.transport.HandshakeMessage.Turn;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.UUID;

/// How two processes get to know each other, over a link that may be watched:
///
/// ```
///  connecting                                                listening
///    HELLO      medium, random number, incarnation, name ──►
///               ◄── CHALLENGE  medium, random number, incarnation, name
///    PROOF      HMAC(secret, all before) ──►
///               ◄── WELCOME    HMAC(secret, all before), what the medium needs
///    READY      ──►
/// ```
///
/// The side that connects proves itself first, so who just asks gets nothing that he could try
/// guesses on. With TLS, proofs cover the keys of the TLS connection as well. In place of each
/// message, either side may say `REFUSED` and why.
final class Handshake {
  /// What a link is to become.
  enum Medium {
    STREAM('S'),
    RINGS('R');

    private final char code;

    Medium(char code) {
      this.code = code;
    }
  }

  private static final int RANDOM_BYTES = 32;
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final byte[] CONNECTING = "connecting".getBytes(StandardCharsets.UTF_8);
  private static final byte[] LISTENING = "listening".getBytes(StandardCharsets.UTF_8);
  private static final byte[] NOTHING = {};

  private final Identity me;
  private final SharedSecret secret;
  private final Medium medium;
  private final ByteLink link;
  private final String where;
  private final Deadline deadline;

  /// @param where what to call the peer before it has said its name
  Handshake(
      Identity me,
      SharedSecret secret,
      Medium medium,
      ByteLink link,
      String where,
      Deadline deadline) {
    this.me = me;
    this.secret = secret;
    this.medium = medium;
    this.link = link;
    this.where = where;
    this.deadline = deadline;
  }

  /// What the connecting side does with what the medium needs, before it says that it is ready.
  interface Preparation {
    /// @throws ConnectionRefused with a reason that the peer hears, too
    void prepare(byte[] forMedium) throws ConnectionRefused;
  }

  /// What the listening side does for a peer that has proved itself, and for no other.
  interface Admission {
    /// What the peer needs to know of the medium.
    ///
    /// @throws ConnectionRefused with a reason that the peer hears, too
    byte[] admit(Identity peer) throws ConnectionRefused;
  }

  /// The connecting side.
  ///
  /// @return who the peer is
  Identity connect(Preparation preparation) throws ConnectionLost, ConnectionRefused {
    var hello = HandshakeMessage.of(Turn.HELLO, introduction());
    hello.send(link, deadline);
    HandshakeMessage challenge = expect(Turn.CHALLENGE);
    Identity peer = introduced(challenge);
    byte[] proof = secret.proof(CONNECTING, hello.bytes(), challenge.bytes(), link.binding());
    HandshakeMessage.of(Turn.PROOF, proof).send(link, deadline);
    HandshakeMessage welcome = expect(Turn.WELCOME);
    byte[] answer = proofOfListener(hello, challenge, proof);
    if (welcome.payload().length < answer.length
        || !MessageDigest.isEqual(answer, Arrays.copyOf(welcome.payload(), answer.length))) {
      throw refuse("%s at %s does not know the shared secret".formatted(peer.name(), where));
    }
    byte[] forMedium =
        Arrays.copyOfRange(welcome.payload(), answer.length, welcome.payload().length);
    try {
      preparation.prepare(forMedium);
    } catch (ConnectionRefused e) {
      throw refuse(e.reason());
    }
    HandshakeMessage.of(Turn.READY, NOTHING).send(link, deadline);
    return peer;
  }

  /// The listening side.
  ///
  /// @return who the peer is
  Identity listen(Admission admission) throws ConnectionLost, ConnectionRefused {
    HandshakeMessage hello = expect(Turn.HELLO);
    Identity peer = introduced(hello);
    var challenge = HandshakeMessage.of(Turn.CHALLENGE, introduction());
    challenge.send(link, deadline);
    HandshakeMessage proof = expect(Turn.PROOF);
    byte[] right = secret.proof(CONNECTING, hello.bytes(), challenge.bytes(), link.binding());
    if (!MessageDigest.isEqual(right, proof.payload())) {
      throw refuse("%s at %s does not know the shared secret".formatted(peer.name(), where));
    }
    byte[] forMedium;
    try {
      forMedium = admission.admit(peer);
    } catch (ConnectionRefused e) {
      throw refuse(e.reason());
    }
    byte[] answer = proofOfListener(hello, challenge, right);
    HandshakeMessage.of(
            Turn.WELCOME,
            ByteBuffer.allocate(answer.length + forMedium.length)
                .put(answer)
                .put(forMedium)
                .array())
        .send(link, deadline);
    expect(Turn.READY);
    return peer;
  }

  private byte[] proofOfListener(HandshakeMessage hello, HandshakeMessage challenge, byte[] proof) {
    return secret.proof(LISTENING, hello.bytes(), challenge.bytes(), proof, link.binding());
  }

  private byte[] introduction() {
    var random = new byte[RANDOM_BYTES];
    RANDOM.nextBytes(random);
    byte[] name = me.name().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(1 + RANDOM_BYTES + 16 + name.length)
        .put((byte) medium.code)
        .put(random)
        .putLong(me.incarnation().getMostSignificantBits())
        .putLong(me.incarnation().getLeastSignificantBits())
        .put(name)
        .array();
  }

  private Identity introduced(HandshakeMessage message) throws ConnectionLost, ConnectionRefused {
    try {
      ByteBuffer payload = ByteBuffer.wrap(message.payload());
      char theirs = (char) payload.get();
      payload.position(1 + RANDOM_BYTES);
      var incarnation = new UUID(payload.getLong(), payload.getLong());
      var peer = new Identity(StandardCharsets.UTF_8.decode(payload).toString(), incarnation);
      if (theirs != medium.code) {
        throw refuse(
            "%s at %s wants another medium: '%c', and this is '%c' (S: a stream, R: shared memory)"
                .formatted(peer.name(), where, theirs, medium.code));
      }
      return peer;
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new ConnectionLost(where + " does not say who it is", e);
    }
  }

  private HandshakeMessage expect(Turn turn) throws ConnectionLost, ConnectionRefused {
    HandshakeMessage message = HandshakeMessage.receive(link, where, deadline);
    if (message.turn() == Turn.REFUSED) {
      throw new ConnectionRefused("%s refuses: %s".formatted(where, message.text()));
    }
    if (message.version() != HandshakeMessage.VERSION) {
      throw refuse(
          "%s speaks version %d of the protocol, this process version %d"
              .formatted(where, message.version(), HandshakeMessage.VERSION));
    }
    if (message.turn() != turn) {
      throw new ConnectionLost("%s says %s where %s is due".formatted(where, message.turn(), turn));
    }
    return message;
  }

  /// Tells the peer, too.
  private ConnectionRefused refuse(String why) throws ConnectionLost {
    byte[] reason = why.getBytes(StandardCharsets.UTF_8);
    if (reason.length > HandshakeMessage.MOST_PAYLOAD) {
      reason = Arrays.copyOf(reason, HandshakeMessage.MOST_PAYLOAD);
    }
    HandshakeMessage.of(Turn.REFUSED, reason).send(link, deadline);
    return new ConnectionRefused(why);
  }
}
