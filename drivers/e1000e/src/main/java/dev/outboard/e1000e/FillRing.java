package dev.outboard.e1000e;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.net.FrameFacts;
import dev.outboard.frames.ReceiveRing;
import java.lang.foreign.MemorySegment;

/**
 * The ring of empty buffers (7.1.5), which come back filled in the order in which they went. One
 * thread; after construction nothing allocates.
 *
 * <p>What the device writes is read once, status and length in one word, and nothing else of it is
 * believed: which buffer a place of the ring has is kept here.
 */
final class FillRing extends ControllerRing implements ReceiveRing {
    /** Looked at in one go. */
    private static final int MOST_READY = 64;

    private final int entries;
    private final int mask;
    private final MemorySegment bytes;
    private final int[] bufferAt;
    private final long[] iovaAt;
    private final long[] wordAt;

    /** Of buffers: added, shown to the device, found filled, taken back. */
    private int added;

    private int published;
    private int ready;
    private int taken;
    private int takenLength;
    private int takenFacts;

    FillRing(Device device, Controller controller, Dma dma, int entries) {
        this(
                device,
                controller,
                dma.allocateCoherent((long) entries * E1000eDescriptor.ENTRY_BYTES),
                entries);
    }

    private FillRing(Device device, Controller controller, CoherentMemory memory, int entries) {
        super(
                device,
                controller,
                memory,
                E1000eDescriptor.FILL_BASE,
                controller.hasVectors()
                        ? E1000eDescriptor.CAUSE_FILL_QUEUE
                        : E1000eDescriptor.CAUSE_RECEIVED
                                | E1000eDescriptor.CAUSE_FEW_BUFFERS
                                | E1000eDescriptor.CAUSE_OVERRUN);
        this.entries = entries;
        mask = entries - 1;
        bytes = memory.memory();
        bufferAt = new int[entries];
        iovaAt = new long[entries];
        wordAt = new long[entries];
    }

    @Override
    public int free() {
        // A full ring would look empty to the device.
        return entries - 1 - outstanding();
    }

    @Override
    public int outstanding() {
        return added - taken;
    }

    @Override
    public void add(long iova, int lengthBytes, int buffer) {
        int at = added & mask;
        bufferAt[at] = buffer;
        iovaAt[at] = iova;
        describe(at);
        added++;
    }

    private void describe(int at) {
        long offset = (long) at * E1000eDescriptor.ENTRY_BYTES;
        bytes.set(E1000eDescriptor.U64, offset, iovaAt[at]);
        bytes.set(E1000eDescriptor.U64, offset + E1000eDescriptor.ENTRY_WORD, 0L);
    }

    @Override
    public void publish() {
        checkGeneration();
        if (added != published) {
            published = added;
            ring(added & mask);
        }
    }

    @Override
    public int completed() {
        checkGeneration();
        int most = Math.min(published - taken, MOST_READY);
        while (ready - taken < most && look(ready & mask)) {
            ready++;
        }
        return ready - taken;
    }

    private boolean look(int at) {
        // Acquire: the frame was written before its status.
        long word =
                (long)
                        E1000eDescriptor.WORD.getAcquire(
                                bytes,
                                (long) at * E1000eDescriptor.ENTRY_BYTES
                                        + E1000eDescriptor.ENTRY_WORD);
        wordAt[at] = word;
        return (word & E1000eDescriptor.FILLED) != 0;
    }

    @Override
    boolean isReady() {
        return ready != taken || ready != published && look(ready & mask);
    }

    @Override
    public int take() {
        int at = taken & mask;
        long word = wordAt[at];
        taken++;
        int status = (int) word;
        if ((status & E1000eDescriptor.FILLED_END) == 0) {
            throw new DeviceException(
                    "device %s sent a frame over several buffers, each longer than any frame may be"
                            .formatted(controller().name()));
        }
        takenLength =
                (status & E1000eDescriptor.FILLED_DAMAGED) != 0
                        ? DAMAGED
                        : (int) (word >>> Integer.SIZE) & 0xffff;
        takenFacts = facts(status);
        return bufferAt[at];
    }

    private static int facts(int status) {
        if ((status & E1000eDescriptor.FILLED_SUM_IGNORED) != 0) {
            return FrameFacts.NONE;
        }
        if ((status & (E1000eDescriptor.FILLED_TCP_WRONG | E1000eDescriptor.FILLED_IP_WRONG))
                != 0) {
            return FrameFacts.CHECKSUM_WRONG;
        }
        int sums = E1000eDescriptor.FILLED_TCP_SUM | E1000eDescriptor.FILLED_UDP_SUM;
        return (status & sums) != 0 ? FrameFacts.CHECKSUM_GOOD : FrameFacts.NONE;
    }

    @Override
    public int takenLength() {
        return takenLength;
    }

    @Override
    public int takenFacts() {
        return takenFacts;
    }

    /** The device has forgotten what it had: it is given the same buffers again. */
    @Override
    void retell() {
        int out = outstanding();
        int[] buffers = new int[out];
        long[] iovas = new long[out];
        for (int index = 0; index < out; index++) {
            buffers[index] = bufferAt[taken + index & mask];
            iovas[index] = iovaAt[taken + index & mask];
        }
        taken = 0;
        ready = 0;
        added = 0;
        published = 0;
        for (int index = 0; index < out; index++) {
            add(iovas[index], 0, buffers[index]);
        }
        startRing();
        publish();
    }
}
