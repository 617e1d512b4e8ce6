package dev.outboard.models.nic;

import static dev.outboard.virtio.NetControlDescriptor.ANNOUNCE_ACKNOWLEDGE;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_ANNOUNCE;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_GUEST_OFFLOADS;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_MAC;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_MQ;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_RX;
import static dev.outboard.virtio.NetControlDescriptor.CLASS_VLAN;
import static dev.outboard.virtio.NetControlDescriptor.GUEST_OFFLOADS_SET;
import static dev.outboard.virtio.NetControlDescriptor.HEADER_BYTES;
import static dev.outboard.virtio.NetControlDescriptor.MAC_ADDRESS_SET;
import static dev.outboard.virtio.NetControlDescriptor.MAC_TABLE_SET;
import static dev.outboard.virtio.NetControlDescriptor.MQ_PAIRS_SET;
import static dev.outboard.virtio.NetControlDescriptor.VLAN_ADD;
import static dev.outboard.virtio.NetControlDescriptor.VLAN_DELETE;

import dev.outboard.backend.AwaitedException;
import dev.outboard.backend.DeviceQueue;
import dev.outboard.backend.DmaCursor;
import dev.outboard.backend.PortSession;
import dev.outboard.backend.RingException;
import dev.outboard.virtio.NetControlDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A driver's orders to its port (VIRTIO 1.2, section 5.1.6.5): what it receives, its address, how
 * many queues it uses. An order is copied before it is looked at; one that is none, or was not
 * negotiated, is answered with an error and changes nothing.
 *
 * <p>The loop's thread. Nothing allocates.
 */
final class ControlQueue {
    /** Orders in one DMA section. */
    private static final int BURST = 16;

    /** Two tables of a thousand addresses are longer than what any driver sends. */
    private static final int MOST_BYTES = 16384;

    private static final int MAC_BYTES = 6;
    private static final long MAC_MASK = 0xffff_ffff_ffffL;
    private static final int VLANS = 4096;
    private static final int SHORT_MASK = 0xffff;

    private static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SwitchPort port;
    private final MemorySegment order = Arena.ofAuto().allocate(MOST_BYTES, Long.BYTES);
    private final MemorySegment answer = Arena.ofAuto().allocate(1);
    private final DmaCursor cursor = new DmaCursor();
    private int orderBytes;

    ControlQueue(SwitchPort port) {
        this.port = port;
    }

    /**
     * Obeys what there is.
     *
     * @return whether there was anything
     * @throws RingException when the ring is broken; the section may be open
     */
    boolean serve() {
        PortSession session = port.session();
        int index = port.controlQueue();
        if (!session.isReady(index)) {
            return false;
        }
        session.enter();
        boolean worked = false;
        try {
            DeviceQueue queue = session.vring(index).queue();
            for (int i = 0; i < BURST && queue.hasNext(); i++) {
                queue.refuseDoorbell();
                serve(queue);
                worked = true;
            }
        } catch (AwaitedException awaited) {
            session.await(awaited);
        }
        session.leave();
        return worked;
    }

    private void serve(DeviceQueue queue) {
        queue.load();
        long readable = queue.chain().readableBytes();
        long writable = queue.chain().writableBytes();
        if (readable < HEADER_BYTES || writable < 1) {
            throw new RingException(
                    queue,
                    "an order of %d readable and %d writable bytes has no command or no answer"
                            .formatted(readable, writable));
        }
        // First, as what was obeyed once it is known where the answer goes is not obeyed again.
        cursor.openWritable(queue);
        boolean tellable = cursor.next();
        orderBytes = (int) Math.min(readable, MOST_BYTES);
        cursor.openReadable(queue);
        boolean read = cursor.copyTo(order, 0, orderBytes);
        boolean done = tellable && read && readable <= MOST_BYTES && obey();
        byte told = done ? NetControlDescriptor.OK : NetControlDescriptor.ERROR;
        answer.set(ValueLayout.JAVA_BYTE, 0, told);
        port.counters.add(SwitchPort.COMMANDS, 1);
        if (!read || !tellable) {
            port.counters.add(SwitchPort.FAULTS, 1);
        }
        cursor.openWritable(queue);
        queue.complete(tellable && cursor.copyFrom(answer, 0, 1) ? 1 : 0);
    }

    private boolean obey() {
        int command = order.get(ValueLayout.JAVA_BYTE, NetControlDescriptor.COMMAND_OFFSET);
        return switch (order.get(ValueLayout.JAVA_BYTE, NetControlDescriptor.CLASS_OFFSET)) {
            case CLASS_RX -> receive(command);
            case CLASS_MAC -> addresses(command);
            case CLASS_VLAN -> vlan(command);
            case CLASS_ANNOUNCE -> announce(command);
            case CLASS_MQ -> pairs(command);
            case CLASS_GUEST_OFFLOADS -> offloads(command);
            default -> false;
        };
    }

    private boolean has(long feature, int bytes) {
        return (port.accepted() & feature) != 0 && orderBytes >= HEADER_BYTES + bytes;
    }

    private boolean receive(int command) {
        boolean extra = command > NetControlDescriptor.RX_ALL_MULTICAST;
        if (!has(extra ? VirtioFeatures.NET_CTRL_RX_EXTRA : VirtioFeatures.NET_CTRL_RX, 1)) {
            return false;
        }
        boolean on = order.get(ValueLayout.JAVA_BYTE, HEADER_BYTES) != 0;
        ReceiveFilter filter = port.filter;
        switch (command) {
            case NetControlDescriptor.RX_PROMISCUOUS -> filter.promiscuous = on;
            case NetControlDescriptor.RX_ALL_MULTICAST -> filter.allGroups = on;
            case NetControlDescriptor.RX_ALL_UNICAST -> filter.allStations = on;
            case NetControlDescriptor.RX_NO_MULTICAST -> filter.noGroups = on;
            case NetControlDescriptor.RX_NO_UNICAST -> filter.noStations = on;
            case NetControlDescriptor.RX_NO_BROADCAST -> filter.noBroadcast = on;
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean addresses(int command) {
        if (command == MAC_ADDRESS_SET) {
            return has(VirtioFeatures.NET_CTRL_MAC_ADDR, MAC_BYTES) && own(mac(HEADER_BYTES));
        }
        return command == MAC_TABLE_SET && has(VirtioFeatures.NET_CTRL_RX, 0) && tables();
    }

    private boolean own(long address) {
        if ((address & 1) != 0) {
            return false;
        }
        port.mac(address);
        return true;
    }

    private boolean tables() {
        int stations = HEADER_BYTES;
        int groups = behindTable(stations);
        if (groups < 0 || behindTable(groups) < 0) {
            return false;
        }
        ReceiveFilter filter = port.filter;
        filter.clearTables();
        int stationCount = order.get(U32, stations);
        for (int i = 0; i < stationCount; i++) {
            filter.addStation(mac(stations + Integer.BYTES + i * MAC_BYTES));
        }
        int groupCount = order.get(U32, groups);
        for (int i = 0; i < groupCount; i++) {
            filter.addGroup(mac(groups + Integer.BYTES + i * MAC_BYTES));
        }
        return true;
    }

    /** Where a table ends, or -1 when that is not in the order. */
    private int behindTable(int at) {
        if (orderBytes < at + Integer.BYTES) {
            return -1;
        }
        long end = at + Integer.BYTES + Integer.toUnsignedLong(order.get(U32, at)) * MAC_BYTES;
        return end <= orderBytes ? (int) end : -1;
    }

    private long mac(int at) {
        return order.get(U32, at) & 0xffff_ffffL
                | (long) (order.get(U16, at + 4) & SHORT_MASK) << Integer.SIZE & MAC_MASK;
    }

    private boolean vlan(int command) {
        if (!has(VirtioFeatures.NET_CTRL_VLAN, Short.BYTES)) {
            return false;
        }
        int vlan = order.get(U16, HEADER_BYTES) & SHORT_MASK;
        if (vlan >= VLANS || command != VLAN_ADD && command != VLAN_DELETE) {
            return false;
        }
        port.filter.vlan(vlan, command == VLAN_ADD);
        return true;
    }

    private boolean announce(int command) {
        if (command != ANNOUNCE_ACKNOWLEDGE || !has(VirtioFeatures.NET_GUEST_ANNOUNCE, 0)) {
            return false;
        }
        port.announced();
        return true;
    }

    private boolean pairs(int command) {
        return command == MQ_PAIRS_SET
                && has(VirtioFeatures.NET_MQ, Short.BYTES)
                && port.activePairs(order.get(U16, HEADER_BYTES) & SHORT_MASK);
    }

    private boolean offloads(int command) {
        return command == GUEST_OFFLOADS_SET
                && has(VirtioFeatures.NET_CTRL_GUEST_OFFLOADS, Long.BYTES)
                && port.guestOffloads(order.get(U64, HEADER_BYTES));
    }
}
