package dev.outboard.clients;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.driver.net.FrameHandler;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.driver.net.ReceiveQueue;
import dev.outboard.driver.net.TransmitQueue;
import dev.outboard.internet.InternetSum;
import dev.outboard.internet.PacketDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * A host with one interface and one IPv4 address: finds its peer by ARP, answers ARP and pings,
 * sends pings and datagrams, and tells a listener of what comes. One thread.
 */
final class InternetHost implements FrameHandler {
    private static final int MOST_FRAME_BYTES = 65_536;
    private static final int TTL = 64;
    private static final int ASKED_TIMES = 5;
    private static final long ASK_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final int BATCH = 64;
    private static final int UDP_START =
            PacketDescriptor.ETHERNET_BYTES + PacketDescriptor.IPV4_BYTES;

    private final NetworkService network;
    private final ClientContext context;
    private final TransmitQueue transmit;
    private final ReceiveQueue receive;
    private final byte[] mac;
    private final int address;
    private final boolean sumsByDevice;

    /** The frame that came last, and the one to go next: copies nobody else reaches. */
    private final ByteBuffer in = ByteBuffer.allocate(MOST_FRAME_BYTES);

    private final ByteBuffer out = ByteBuffer.allocate(MOST_FRAME_BYTES);

    private PacketListener listener = new PacketListener() {};
    private int peer;
    private byte[] peerMac;
    private int nextId;
    private long dropped;

    /**
     * @param address its own
     * @param mayOffload whether the device shall sum datagrams, where it can
     */
    InternetHost(NetworkService network, ClientContext context, int address, boolean mayOffload) {
        this.network = network;
        this.context = context;
        this.address = address;
        transmit = network.transmitQueue(0);
        receive = network.receiveQueue(0);
        mac = network.macAddress();
        sumsByDevice = mayOffload && (network.offloads() & FrameOffload.CHECKSUM) != 0;
    }

    /** Who hears of what comes from now on. */
    void listen(PacketListener wanted) {
        listener = wanted;
    }

    /** Frames that came and were none for this host, or not whole. */
    long dropped() {
        return dropped;
    }

    /** The most payload of a datagram that is not cut. */
    int mostPayloadBytes() {
        return network.mtuBytes() - PacketDescriptor.IPV4_BYTES - PacketDescriptor.UDP_BYTES;
    }

    /**
     * Finds the neighbour that packets go to, by ARP.
     *
     * @param neighbour the peer itself, or the gateway on the way to it
     * @return false if it does not answer, or the client is to end
     */
    boolean find(int neighbour) {
        peer = neighbour;
        peerMac = null;
        for (int time = 0; time < ASKED_TIMES && peerMac == null; time++) {
            ask(neighbour);
            long deadline = System.nanoTime() + ASK_NANOS;
            while (peerMac == null && step(deadline)) {
                // The answer comes to arp().
            }
        }
        return peerMac != null;
    }

    private void ask(int neighbour) {
        byte[] everyone = new byte[PacketDescriptor.MAC_BYTES];
        Arrays.fill(everyone, (byte) 0xff);
        sendArp(
                PacketDescriptor.ARP_REQUEST,
                everyone,
                new byte[PacketDescriptor.MAC_BYTES],
                neighbour);
    }

    private void sendArp(int operation, byte[] to, byte[] otherMac, int other) {
        ethernet(to, PacketDescriptor.TYPE_ARP);
        out.putLong(PacketDescriptor.ARP_HARDWARE, PacketDescriptor.ARP_KINDS << Short.SIZE);
        out.putShort(PacketDescriptor.ARP_OPERATION, (short) operation);
        out.put(PacketDescriptor.ARP_OWN_MAC, mac);
        out.putInt(PacketDescriptor.ARP_OWN_ADDRESS, address);
        out.put(PacketDescriptor.ARP_OTHER_MAC, otherMac);
        out.putInt(PacketDescriptor.ARP_OTHER_ADDRESS, other);
        send(PacketDescriptor.ARP_END, FrameOffload.NONE);
    }

    private void ethernet(byte[] to, int type) {
        out.put(PacketDescriptor.ETHERNET_TO, to);
        out.put(PacketDescriptor.ETHERNET_FROM, mac);
        out.putShort(PacketDescriptor.ETHERNET_TYPE, (short) type);
    }

    /** Everything before the payload of an IPv4 packet. */
    private void ipv4(byte[] toMac, int to, int protocol, int payloadBytes) {
        ethernet(toMac, PacketDescriptor.TYPE_IPV4);
        out.putShort(PacketDescriptor.IPV4, (short) (PacketDescriptor.IPV4_FIRST_WORD << 8));
        out.putShort(
                PacketDescriptor.IPV4_LENGTH, (short) (PacketDescriptor.IPV4_BYTES + payloadBytes));
        out.putShort(PacketDescriptor.IPV4_LENGTH + Short.BYTES, (short) nextId++);
        out.putShort(PacketDescriptor.IPV4_FRAGMENT, (short) PacketDescriptor.IPV4_DO_NOT_CUT);
        out.put(PacketDescriptor.IPV4_TTL, (byte) TTL);
        out.put(PacketDescriptor.IPV4_PROTOCOL, (byte) protocol);
        out.putShort(PacketDescriptor.IPV4_SUM, (short) 0);
        out.putInt(PacketDescriptor.IPV4_SOURCE, address);
        out.putInt(PacketDescriptor.IPV4_DESTINATION, to);
        int sum = InternetSum.add(0, out, PacketDescriptor.IPV4, PacketDescriptor.IPV4_BYTES);
        out.putShort(PacketDescriptor.IPV4_SUM, InternetSum.stored(sum));
    }

    /** Sends a ping; its answer comes to the listener. */
    void ping(int to, int id, int number, byte[] payload) {
        echo(PacketDescriptor.ICMP_ECHO, peerMac, to, id, number, ByteBuffer.wrap(payload));
    }

    private void echo(int type, byte[] toMac, int to, int id, int number, ByteBuffer payload) {
        int lengthBytes = PacketDescriptor.ICMP_BYTES + payload.remaining();
        ipv4(toMac, to, PacketDescriptor.PROTOCOL_ICMP, lengthBytes);
        out.putShort(UDP_START, (short) (type << Byte.SIZE));
        out.putShort(UDP_START + PacketDescriptor.ICMP_SUM, (short) 0);
        out.putShort(UDP_START + PacketDescriptor.ICMP_ID, (short) id);
        out.putShort(UDP_START + PacketDescriptor.ICMP_NUMBER, (short) number);
        out.put(
                UDP_START + PacketDescriptor.ICMP_BYTES,
                payload,
                payload.position(),
                payload.remaining());
        int sum = InternetSum.add(0, out, UDP_START, lengthBytes);
        out.putShort(UDP_START + PacketDescriptor.ICMP_SUM, InternetSum.stored(sum));
        send(UDP_START + lengthBytes, FrameOffload.NONE);
    }

    /** Sends a datagram. */
    void datagram(int to, int fromPort, int toPort, ByteBuffer payload) {
        int lengthBytes = PacketDescriptor.UDP_BYTES + payload.remaining();
        ipv4(peerMac, to, PacketDescriptor.PROTOCOL_UDP, lengthBytes);
        out.putShort(UDP_START, (short) fromPort);
        out.putShort(UDP_START + PacketDescriptor.UDP_TO, (short) toPort);
        out.putShort(UDP_START + PacketDescriptor.UDP_LENGTH, (short) lengthBytes);
        out.put(
                UDP_START + PacketDescriptor.UDP_BYTES,
                payload,
                payload.position(),
                payload.remaining());
        int pseudo =
                InternetSum.pseudoHeader(address, to, PacketDescriptor.PROTOCOL_UDP, lengthBytes);
        long offload = FrameOffload.NONE;
        int sumAt = UDP_START + PacketDescriptor.UDP_SUM;
        if (sumsByDevice) {
            out.putShort(sumAt, (short) pseudo);
            offload = FrameOffload.checksum(UDP_START, PacketDescriptor.UDP_SUM);
        } else {
            out.putShort(sumAt, (short) 0);
            int sum = InternetSum.add(pseudo, out, UDP_START, lengthBytes);
            out.putShort(sumAt, InternetSum.storedOrOnes(sum));
        }
        send(UDP_START + lengthBytes, offload);
    }

    private void send(int lengthBytes, long offload) {
        // What a device sums ends where the frame does: it makes a short one longer itself.
        int frameBytes =
                offload == FrameOffload.NONE
                        ? Math.max(lengthBytes, PacketDescriptor.LEAST_FRAME_BYTES)
                        : lengthBytes;
        Arrays.fill(out.array(), lengthBytes, frameBytes, (byte) 0);
        int buffer = transmit.claim();
        while (buffer == TransmitQueue.NONE) {
            transmit.flush();
            transmit.await(LOOK_NANOS);
            if (context.isStopping()) {
                return;
            }
            buffer = transmit.claim();
        }
        MemorySegment.copy(
                out.array(),
                0,
                transmit.memory(),
                ValueLayout.JAVA_BYTE,
                transmit.offset(buffer),
                frameBytes);
        transmit.commit(buffer, frameBytes, offload);
        transmit.flush();
    }

    /**
     * Takes what has come, or waits for it.
     *
     * @param deadline by {@code System.nanoTime()}
     * @return false when that was reached, or the client is to end
     */
    boolean step(long deadline) {
        if (receive.poll(this, BATCH) == 0) {
            long left = deadline - System.nanoTime();
            if (left <= 0 || context.isStopping()) {
                return false;
            }
            receive.await(Math.min(left, LOOK_NANOS));
        }
        return !context.isStopping();
    }

    @Override
    public void onFrame(MemorySegment memory, long offset, int lengthBytes) {
        onFrame(memory, offset, lengthBytes, FrameFacts.NONE);
    }

    @Override
    public void onFrame(MemorySegment memory, long offset, int lengthBytes, int facts) {
        if (lengthBytes > MOST_FRAME_BYTES || lengthBytes < PacketDescriptor.ETHERNET_BYTES) {
            dropped++;
            return;
        }
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offset, in.array(), 0, lengthBytes);
        in.limit(lengthBytes);
        int type = in.getShort(PacketDescriptor.ETHERNET_TYPE) & 0xffff;
        boolean isTaken =
                switch (type) {
                    case PacketDescriptor.TYPE_ARP -> arp(lengthBytes);
                    case PacketDescriptor.TYPE_IPV4 ->
                            (facts & FrameFacts.CHECKSUM_WRONG) == 0 && ipv4(lengthBytes);
                    default -> false;
                };
        dropped += isTaken ? 0 : 1;
    }

    private boolean arp(int lengthBytes) {
        if (lengthBytes < PacketDescriptor.ARP_END
                || in.getLong(PacketDescriptor.ARP_HARDWARE) >>> Short.SIZE
                        != PacketDescriptor.ARP_KINDS) {
            return false;
        }
        int from = in.getInt(PacketDescriptor.ARP_OWN_ADDRESS);
        byte[] fromMac = new byte[PacketDescriptor.MAC_BYTES];
        in.get(PacketDescriptor.ARP_OWN_MAC, fromMac);
        if (in.getInt(PacketDescriptor.ARP_OTHER_ADDRESS) != address || (fromMac[0] & 1) != 0) {
            return false;
        }
        int operation = in.getShort(PacketDescriptor.ARP_OPERATION);
        if (operation == PacketDescriptor.ARP_REQUEST) {
            sendArp(PacketDescriptor.ARP_REPLY, fromMac, fromMac, from);
        } else if (operation == PacketDescriptor.ARP_REPLY && from == peer && peerMac == null) {
            // The first answer counts: a later one cannot take the conversation away.
            peerMac = fromMac;
        } else {
            return false;
        }
        return true;
    }

    private boolean ipv4(int lengthBytes) {
        int room = lengthBytes - PacketDescriptor.ETHERNET_BYTES;
        if (room < PacketDescriptor.IPV4_BYTES) {
            return false;
        }
        int first = in.get(PacketDescriptor.IPV4) & 0xff;
        int headerBytes = (first & 0xf) * Integer.BYTES;
        int total = in.getShort(PacketDescriptor.IPV4_LENGTH) & 0xffff;
        boolean isWhole =
                first >>> 4 == 4
                        && headerBytes >= PacketDescriptor.IPV4_BYTES
                        && headerBytes <= total
                        && total <= room
                        && (in.getShort(PacketDescriptor.IPV4_FRAGMENT)
                                        & PacketDescriptor.IPV4_PIECE)
                                == 0;
        if (!isWhole
                || in.getInt(PacketDescriptor.IPV4_DESTINATION) != address
                || !InternetSum.isRight(
                        InternetSum.add(0, in, PacketDescriptor.IPV4, headerBytes))) {
            return false;
        }
        int start = PacketDescriptor.IPV4 + headerBytes;
        int payloadBytes = total - headerBytes;
        return switch (in.get(PacketDescriptor.IPV4_PROTOCOL)) {
            case PacketDescriptor.PROTOCOL_ICMP -> icmp(start, payloadBytes);
            case PacketDescriptor.PROTOCOL_UDP -> udp(start, payloadBytes);
            default -> false;
        };
    }

    private boolean icmp(int start, int lengthBytes) {
        if (lengthBytes < PacketDescriptor.ICMP_BYTES
                || !InternetSum.isRight(InternetSum.add(0, in, start, lengthBytes))) {
            return false;
        }
        int from = in.getInt(PacketDescriptor.IPV4_SOURCE);
        int id = in.getShort(start + PacketDescriptor.ICMP_ID) & 0xffff;
        int number = in.getShort(start + PacketDescriptor.ICMP_NUMBER) & 0xffff;
        ByteBuffer payload =
                in.slice(
                        start + PacketDescriptor.ICMP_BYTES,
                        lengthBytes - PacketDescriptor.ICMP_BYTES);
        int typeAndCode = in.getShort(start);
        if (typeAndCode == PacketDescriptor.ICMP_ECHO_REPLY) {
            listener.onEchoReply(from, id, number, payload);
            return true;
        }
        boolean fits = lengthBytes + UDP_START <= transmit.capacityBytes();
        if (typeAndCode == PacketDescriptor.ICMP_ECHO << Byte.SIZE && fits) {
            byte[] fromMac = new byte[PacketDescriptor.MAC_BYTES];
            in.get(PacketDescriptor.ETHERNET_FROM, fromMac);
            echo(PacketDescriptor.ICMP_ECHO_REPLY, fromMac, from, id, number, payload);
            return true;
        }
        return false;
    }

    private boolean udp(int start, int roomBytes) {
        int lengthBytes =
                roomBytes < PacketDescriptor.UDP_BYTES
                        ? 0
                        : in.getShort(start + PacketDescriptor.UDP_LENGTH) & 0xffff;
        if (lengthBytes < PacketDescriptor.UDP_BYTES || lengthBytes > roomBytes) {
            return false;
        }
        int from = in.getInt(PacketDescriptor.IPV4_SOURCE);
        if (in.getShort(start + PacketDescriptor.UDP_SUM) != 0) {
            int pseudo =
                    InternetSum.pseudoHeader(
                            from, address, PacketDescriptor.PROTOCOL_UDP, lengthBytes);
            if (!InternetSum.isRight(InternetSum.add(pseudo, in, start, lengthBytes))) {
                return false;
            }
        }
        listener.onDatagram(
                from,
                in.getShort(start) & 0xffff,
                in.getShort(start + PacketDescriptor.UDP_TO) & 0xffff,
                in.slice(
                        start + PacketDescriptor.UDP_BYTES,
                        lengthBytes - PacketDescriptor.UDP_BYTES));
        return true;
    }
}
