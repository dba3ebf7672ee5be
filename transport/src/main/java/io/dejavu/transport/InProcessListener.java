package io.dejavu.transport;

import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/// Listens under a name of this process.
final class InProcessListener implements Listener {
  private static final ConcurrentMap<String, InProcessListener> NAMES = new ConcurrentHashMap<>();

  private final Address.SameProcess address;
  private final Identity me;
  private final SharedSecret secret;
  private final TransportConfig config;
  private final WaitingRoom room;

  private InProcessListener(
      Address.SameProcess address, Identity me, SharedSecret secret, TransportConfig config) {
    this.address = address;
    this.me = me;
    this.secret = secret;
    this.config = config;
    room = new WaitingRoom(address);
  }

  static Listener open(
      Address.SameProcess address, Identity me, SharedSecret secret, TransportConfig config)
      throws IOException {
    var listener = new InProcessListener(address, me, secret, config);
    if (NAMES.putIfAbsent(address.name(), listener) != null) {
      throw new IOException("somebody listens already at " + address);
    }
    return listener;
  }

  static Connection connect(
      Address.SameProcess address, Identity me, SharedSecret secret, TransportConfig config)
      throws IOException {
    InProcessListener listener = NAMES.get(address.name());
    if (listener == null) {
      throw new IOException("nobody listens at " + address);
    }
    return listener.meet(me, secret, config);
  }

  private Connection meet(Identity peer, SharedSecret theirs, TransportConfig ofPeer)
      throws ConnectionRefused {
    if (!secret.isSameAs(theirs)) {
      throw refuse("%s does not know the shared secret".formatted(peer.name()));
    }
    try {
      room.admit(peer);
    } catch (ConnectionRefused e) {
      throw refuse(e.reason());
    }
    var pair = InProcess.pair(me, config, peer, ofPeer);
    if (!room.enter(pair.left())) {
      pair.close();
      throw refuse("%s: nobody listens any more".formatted(peer.name()));
    }
    return pair.right();
  }

  private ConnectionRefused refuse(String why) {
    room.noteRefusal(why);
    return new ConnectionRefused("%s refuses: %s".formatted(address, why));
  }

  @Override
  public Address address() {
    return address;
  }

  @Override
  public @Nullable Connection accept(Deadline deadline) throws IOException {
    return room.accept(deadline);
  }

  @Override
  public long refused() {
    return room.refused();
  }

  @Override
  public String lastRefusal() {
    return room.lastRefusal();
  }

  @Override
  public void close() {
    NAMES.remove(address.name(), this);
    room.close();
  }
}
