package dev.outboard.clients;

import java.nio.ByteBuffer;

/** Hears what comes for this host. The payload is the listener's until the call returns. */
interface PacketListener {
    /** Somebody answers a ping. */
    default void onEchoReply(int from, int id, int number, ByteBuffer payload) {}

    /** A datagram of UDP. */
    default void onDatagram(int from, int fromPort, int toPort, ByteBuffer payload) {}
}
