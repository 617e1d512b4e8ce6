package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.UnixSocket;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.PciFunction;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * A PCI function that another process emulates: the client's side of vfio-user.
 *
 * <p>Owned by who connected. Any thread asks. A server that does not map the memory it is given
 * reads and writes it by message, which a thread of the connection serves. When the server goes,
 * whoever waits is told, and so is the listener.
 */
public final class VfioUserClient implements PciFunction {
    private static final int LONGEST_VERSION_BYTES = 4096;

    /** Of MSI-X. */
    private static final int MOST_VECTORS = 2048;

    private final String name;
    private final ClientChannel channel;
    private final Resources resources = new Resources();
    private final Resources closedFirst = new Resources();
    private final VfioUserRegion[] regions =
            new VfioUserRegion[VfioUserDescriptor.CONFIGURATION_REGION + 1];
    private Capabilities peer = Capabilities.of(0, 0, "");
    private int irqs;
    private int interruptIndex = -1;
    private int interruptCount;
    private int signalled;
    private boolean canReset;
    private boolean closed;

    private VfioUserClient(String name, ClientChannel channel) {
        this.name = name;
        this.channel = channel;
    }

    /**
     * Connects, and learns what the function is.
     *
     * @param timeoutNanos for the socket to appear, and for each reply
     * @throws VfioUserException if the server is none of protocol 0, or no PCI function
     */
    public static VfioUserClient connect(Path path, long timeoutNanos) {
        UnixSocket socket = UnixSocket.connect(path, UnixSocket.Kind.STREAM, timeoutNanos);
        String name = path.getFileName().toString();
        VfioUserClient client =
                new VfioUserClient(name, new ClientChannel(name, socket, timeoutNanos));
        try {
            client.negotiate();
            client.discover();
            return client;
        } catch (RuntimeException failure) {
            client.close();
            throw failure;
        }
    }

    private void negotiate() {
        byte[] json = Capabilities.ours().getBytes(StandardCharsets.UTF_8);
        int length = VfioUserDescriptor.VERSION_BYTES + json.length + 1;
        MemorySegment reply =
                MemorySegment.ofArray(
                        ask(
                                VfioUserDescriptor.VERSION,
                                length,
                                into -> {
                                    into.set(VfioUserDescriptor.U16, 2, (short) 1);
                                    MemorySegment.copy(
                                            json,
                                            0,
                                            into,
                                            ValueLayout.JAVA_BYTE,
                                            VfioUserDescriptor.VERSION_BYTES,
                                            json.length);
                                },
                                VfioUserDescriptor.VERSION_BYTES));
        int major = Short.toUnsignedInt(reply.get(VfioUserDescriptor.U16, 0));
        int minor = Short.toUnsignedInt(reply.get(VfioUserDescriptor.U16, 2));
        if (major != 0 || reply.byteSize() > LONGEST_VERSION_BYTES) {
            throw new VfioUserException(
                    "%s speaks vfio-user %d.%d: only 0 is known".formatted(name, major, minor));
        }
        peer = Capabilities.of(major, minor, Wire.text(reply, VfioUserDescriptor.VERSION_BYTES));
    }

    private void discover() {
        MemorySegment device =
                askSized(VfioUserDescriptor.DEVICE_INFO, VfioUserDescriptor.DEVICE_BYTES, 0);
        int flags = device.get(VfioUserDescriptor.U32, 4);
        int count = device.get(VfioUserDescriptor.U32, 8);
        irqs = device.get(VfioUserDescriptor.U32, 12);
        canReset = (flags & VfioUserDescriptor.DEVICE_RESET) != 0;
        if ((flags & VfioUserDescriptor.DEVICE_PCI) == 0
                || count <= VfioUserDescriptor.CONFIGURATION_REGION) {
            throw new VfioUserException(
                    "%s is no PCI function: flags=0x%x regions=%d".formatted(name, flags, count));
        }
        for (int index = 0; index < regions.length; index++) {
            regions[index] = discoverRegion(index);
        }
        findInterrupts();
    }

    private VfioUserRegion discoverRegion(int index) {
        int argsz =
                VfioUserDescriptor.REGION_BYTES
                        + VfioUserDescriptor.SPARSE_BYTES
                        + VfioUserRegion.MOST_AREAS * VfioUserDescriptor.AREA_BYTES;
        ClientChannel.Pending answer =
                channel.exchange(
                        VfioUserDescriptor.REGION_INFO,
                        VfioUserDescriptor.REGION_BYTES,
                        into -> {
                            into.set(VfioUserDescriptor.U32, 0, argsz);
                            into.set(VfioUserDescriptor.U32, 8, index);
                        });
        try {
            require(answer, VfioUserDescriptor.REGION_BYTES);
            return resources.add(
                    VfioUserRegion.of(
                            this, index, MemorySegment.ofArray(answer.reply), answer.descriptors));
        } finally {
            answer.descriptors.forEach(Descriptor::close);
        }
    }

    /** MSI-X if there is any, else MSI, else the line. */
    private void findInterrupts() {
        for (int index : new int[] {VfioUserDescriptor.MSIX, VfioUserDescriptor.MSI, 0}) {
            if (index >= irqs) {
                continue;
            }
            MemorySegment info =
                    askSized(VfioUserDescriptor.IRQ_INFO, VfioUserDescriptor.IRQ_BYTES, index);
            int count = info.get(VfioUserDescriptor.U32, 12);
            // Some servers leave the flag for events out: a count says enough.
            if (count > 0 && count <= MOST_VECTORS) {
                interruptIndex = index;
                interruptCount = count;
                return;
            }
        }
    }

    /** Asks for a structure that says in its third word of what. */
    private MemorySegment askSized(int command, int length, int index) {
        return MemorySegment.ofArray(
                ask(
                        command,
                        length,
                        into -> {
                            into.set(VfioUserDescriptor.U32, 0, length);
                            if (command != VfioUserDescriptor.DEVICE_INFO) {
                                into.set(VfioUserDescriptor.U32, 8, index);
                            }
                        },
                        length));
    }

    /** Asks, and has a reply of so many bytes at least, without descriptors. */
    private byte[] ask(
            int command, int length, Wire.Payload payload, int least, Descriptor... passed) {
        ClientChannel.Pending answer = channel.exchange(command, length, payload, passed);
        answer.descriptors.forEach(Descriptor::close);
        require(answer, least);
        return answer.reply;
    }

    private void require(ClientChannel.Pending answer, int least) {
        if (answer.reply.length < least) {
            throw channel.fail(
                    new VfioUserException(
                            "%s answers %s with %d bytes, not %d"
                                    .formatted(
                                            name,
                                            VfioUserDescriptor.name(answer.command),
                                            answer.reply.length,
                                            least)));
        }
    }

    /** The most data of one access. */
    int dataBytes() {
        return peer.dataBytes();
    }

    /**
     * Reads registers by message.
     *
     * @return a copy of the bytes
     */
    MemorySegment read(int region, long offset, int count) {
        byte[] reply =
                ask(
                        VfioUserDescriptor.REGION_READ,
                        VfioUserDescriptor.ACCESS_BYTES,
                        into -> access(into, region, offset, count),
                        VfioUserDescriptor.ACCESS_BYTES + count);
        return MemorySegment.ofArray(reply).asSlice(VfioUserDescriptor.ACCESS_BYTES, count);
    }

    /** Writes registers by message, and waits until it is done: so nothing is reordered. */
    void write(int region, long offset, int count, long value) {
        ask(
                VfioUserDescriptor.REGION_WRITE,
                VfioUserDescriptor.ACCESS_BYTES + count,
                into -> {
                    access(into, region, offset, count);
                    for (int at = 0; at < count; at++) {
                        into.set(
                                ValueLayout.JAVA_BYTE,
                                VfioUserDescriptor.ACCESS_BYTES + at,
                                (byte) (value >>> at * Byte.SIZE));
                    }
                },
                VfioUserDescriptor.ACCESS_BYTES);
    }

    private static void access(MemorySegment into, int region, long offset, int count) {
        into.set(VfioUserDescriptor.U64, 0, offset);
        into.set(VfioUserDescriptor.U32, 8, region);
        into.set(VfioUserDescriptor.U32, 12, count);
    }

    /**
     * Lets the device reach memory at some IOVA.
     *
     * @param file with the memory, to be mapped by the server; null if it is to ask us
     * @param memory the same, as it is here
     * @param access what the device may: 1 read, 2 write, 3 both
     * @throws VfioUserException if the server refuses
     */
    public void map(long iova, MemorySegment memory, Descriptor file, long fileOffset, int access) {
        channel.addWindow(iova, memory, access);
        try {
            ask(
                    VfioUserDescriptor.DMA_MAP,
                    VfioUserDescriptor.DMA_MAP_BYTES,
                    into -> {
                        into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.DMA_MAP_BYTES);
                        into.set(VfioUserDescriptor.U32, 4, access);
                        into.set(VfioUserDescriptor.U64, 8, fileOffset);
                        into.set(VfioUserDescriptor.U64, 16, iova);
                        into.set(VfioUserDescriptor.U64, 24, memory.byteSize());
                    },
                    0,
                    file == null ? new Descriptor[0] : new Descriptor[] {file});
        } catch (RuntimeException refused) {
            channel.removeWindow(iova);
            throw refused;
        }
    }

    /** The most windows that the server keeps at a time. */
    public int mostWindows() {
        return peer.windows();
    }

    /** Takes it away again: the device does not reach it when this returns. */
    public void unmap(long iova, long lengthBytes) {
        ask(
                VfioUserDescriptor.DMA_UNMAP,
                VfioUserDescriptor.DMA_UNMAP_BYTES,
                into -> {
                    into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.DMA_UNMAP_BYTES);
                    into.set(VfioUserDescriptor.U64, 8, iova);
                    into.set(VfioUserDescriptor.U64, 16, lengthBytes);
                },
                0);
        channel.removeWindow(iova);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ConfigurationSpace configuration() {
        VfioUserRegion region = regions[VfioUserDescriptor.CONFIGURATION_REGION];
        int length =
                region.lengthBytes() >= ConfigurationDescriptor.EXTENDED_LENGTH_BYTES
                        ? ConfigurationDescriptor.EXTENDED_LENGTH_BYTES
                        : ConfigurationDescriptor.LENGTH_BYTES;
        return new ConfigurationSpace() {
            @Override
            public int lengthBytes() {
                return length;
            }

            @Override
            public long read(int offset, int bytes) {
                ConfigurationSpace.check(offset, bytes, length);
                return region.get(offset, bytes);
            }

            @Override
            public void write(int offset, int bytes, long value) {
                ConfigurationSpace.check(offset, bytes, length);
                region.put(offset, bytes, value);
            }
        };
    }

    @Override
    public Registers region(int index) {
        boolean isThere =
                index >= 0
                        && index < ConfigurationDescriptor.BASE_ADDRESS_COUNT
                        && regions[index].lengthBytes() > 0;
        if (!isThere) {
            throw new IllegalArgumentException(
                    "%s has no registers at base address %d".formatted(name, index));
        }
        return regions[index];
    }

    @Override
    public int maximumVectors() {
        return interruptCount;
    }

    @Override
    public void signal(List<EventDescriptor> events) {
        if (events.size() > interruptCount) {
            throw new IllegalArgumentException(
                    "%s has %d interrupt vectors, not %d"
                            .formatted(name, interruptCount, events.size()));
        }
        if (signalled > 0) {
            setIrqs(VfioUserDescriptor.IRQ_DATA_NONE, 0, 0, List.of());
            signalled = 0;
        }
        // As many to a message as the peer takes descriptors.
        for (int first = 0; first < events.size(); first += peer.descriptors()) {
            List<EventDescriptor> part =
                    events.subList(first, Math.min(events.size(), first + peer.descriptors()));
            setIrqs(VfioUserDescriptor.IRQ_DATA_EVENT, first, part.size(), part);
            signalled = first + part.size();
        }
    }

    private void setIrqs(int data, int first, int count, List<EventDescriptor> events) {
        ask(
                VfioUserDescriptor.SET_IRQS,
                VfioUserDescriptor.SET_IRQS_BYTES,
                into -> {
                    into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.SET_IRQS_BYTES);
                    into.set(VfioUserDescriptor.U32, 4, data | VfioUserDescriptor.IRQ_TRIGGER);
                    into.set(VfioUserDescriptor.U32, 8, interruptIndex);
                    into.set(VfioUserDescriptor.U32, 12, first);
                    into.set(VfioUserDescriptor.U32, 16, count);
                },
                0,
                events.stream().map(EventDescriptor::descriptor).toArray(Descriptor[]::new));
    }

    @Override
    public void reset() {
        if (!canReset) {
            throw new UnsupportedOperationException(name + " has no reset of its own");
        }
        ask(VfioUserDescriptor.RESET, 0, Wire.NONE, 0);
    }

    /** Has something closed while the connection is still there, when this is closed. */
    public void closeFirst(AutoCloseable before) {
        closedFirst.add(before);
    }

    /** Whether the server has gone. Any thread. */
    public boolean isGone() {
        return channel.isGone();
    }

    /** Runs when the server goes, on a thread of this; at once if it has. */
    public void onGone(Runnable listener) {
        channel.onGone(listener);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            try {
                closedFirst.close();
            } finally {
                channel.close();
                resources.close();
            }
        }
    }
}
