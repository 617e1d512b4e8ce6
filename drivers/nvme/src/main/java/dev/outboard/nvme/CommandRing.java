package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.DeviceException;
import java.lang.foreign.MemorySegment;

/**
 * A ring of commands and the ring of their completions, both in coherent memory. One thread; after
 * construction nothing allocates.
 *
 * <p>Whoever uses it has at most {@code entries - 1} commands under way, so the ring of commands is
 * never full. The ring of completions may be larger: then places in it need not be given back one
 * by one.
 */
final class CommandRing implements AutoCloseable {
    private static final int PHASE = 1 << 16;
    private static final int STATUS_SHIFT = 17;
    private static final int ID_MASK = 0xffff;

    private final int entries;
    private final int completionEntries;
    private final Doorbell tailDoorbell;
    private final Doorbell headDoorbell;
    private final CoherentMemory memory;
    private final MemorySegment bytes;
    private final long completions;

    private int tail;
    private int announced;
    private int head;
    private int acknowledged;
    private int phase = PHASE;

    /** The completion looked at last. */
    private int word;

    CommandRing(
            Dma dma,
            int entries,
            int completionEntries,
            Doorbell tailDoorbell,
            Doorbell headDoorbell) {
        this.entries = entries;
        this.completionEntries = completionEntries;
        this.tailDoorbell = tailDoorbell;
        this.headDoorbell = headDoorbell;
        // Each ring begins on a page.
        completions = roundUp((long) entries * NvmeDescriptor.COMMAND_BYTES);
        memory =
                dma.allocateCoherent(
                        completions
                                + roundUp(
                                        (long) completionEntries
                                                * NvmeDescriptor.COMPLETION_BYTES));
        bytes = memory.memory();
    }

    private static long roundUp(long length) {
        return length + NvmeDescriptor.PAGE_BYTES - 1 & -NvmeDescriptor.PAGE_BYTES;
    }

    /** Of commands. */
    int entries() {
        return entries;
    }

    int completionEntries() {
        return completionEntries;
    }

    long submissionsIova() {
        return memory.iova();
    }

    long completionsIova() {
        return memory.iova() + completions;
    }

    /** As new: the controller has forgotten it. */
    void reset() {
        bytes.fill((byte) 0);
        tailDoorbell.reset();
        headDoorbell.reset();
        tail = 0;
        announced = 0;
        head = 0;
        acknowledged = 0;
        phase = PHASE;
    }

    /** Begins a command, all zero but for its first words; the offset of it in {@link #bytes}. */
    long begin(int opcode, int id, int namespace) {
        long at = (long) tail * NvmeDescriptor.COMMAND_BYTES;
        tail = tail + 1 == entries ? 0 : tail + 1;
        for (int word = 8; word < NvmeDescriptor.COMMAND_BYTES; word += Long.BYTES) {
            bytes.set(NvmeDescriptor.U64, at + word, 0L);
        }
        bytes.set(NvmeDescriptor.U32, at, opcode | id << NvmeDescriptor.ID_SHIFT);
        bytes.set(NvmeDescriptor.U32, at + NvmeDescriptor.COMMAND_NAMESPACE, namespace);
        return at;
    }

    void setLong(long offset, long value) {
        bytes.set(NvmeDescriptor.U64, offset, value);
    }

    void setInt(long offset, int value) {
        bytes.set(NvmeDescriptor.U32, offset, value);
    }

    /**
     * Adds a whole command. Only the words that such commands use are written: nobody writes the
     * others of this ring, so they are zero.
     *
     * @param first opcode, flags, id and namespace
     * @param blocks dwords 12 and 13
     */
    void add(long first, long pointer, long secondPointer, long dword10, long blocks) {
        long at = (long) tail * NvmeDescriptor.COMMAND_BYTES;
        tail = tail + 1 == entries ? 0 : tail + 1;
        bytes.set(NvmeDescriptor.U64, at, first);
        bytes.set(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_POINTER, pointer);
        bytes.set(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_SECOND_POINTER, secondPointer);
        bytes.set(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_DWORD10, dword10);
        bytes.set(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_DWORD12, blocks);
    }

    /** Tells the controller of the commands since the last time, if there are any. */
    void announce() {
        if (tail != announced) {
            int before = announced;
            announced = tail;
            tailDoorbell.ring(before, tail);
        }
    }

    /** Whether a completion has come. */
    boolean isReady() {
        // Acquire: the rest of the completion, and the data, were written before the phase.
        int last =
                (int)
                        NvmeDescriptor.COMPLETION_WORD.getAcquire(
                                bytes,
                                completions
                                        + (long) head * NvmeDescriptor.COMPLETION_BYTES
                                        + NvmeDescriptor.COMPLETION_ID);
        word = last;
        return (last & PHASE) == phase;
    }

    /** Takes the completion that {@link #isReady} saw: the id of its command, unchecked. */
    int take() {
        head++;
        if (head == completionEntries) {
            head = 0;
            phase ^= PHASE;
        }
        return word & ID_MASK;
    }

    /** The status of the completion taken last: 0, or type and code. */
    int status() {
        return word >>> STATUS_SHIFT;
    }

    /** The first word of the completion taken last. */
    int result() {
        int last = head == 0 ? completionEntries - 1 : head - 1;
        return bytes.get(
                NvmeDescriptor.U32, completions + (long) last * NvmeDescriptor.COMPLETION_BYTES);
    }

    /** Lets the controller use the places of the completions that were taken. */
    void acknowledge() {
        if (head != acknowledged) {
            int before = acknowledged;
            acknowledged = head;
            headDoorbell.ring(before, head);
        }
    }

    /** The same once half of the places wait for it: for a thread that does not sleep. */
    void acknowledgeMany() {
        int taken = head - acknowledged;
        if ((taken < 0 ? taken + completionEntries : taken) << 1 >= completionEntries) {
            acknowledge();
        }
    }

    static DeviceException broken(String device, int id) {
        return new DeviceException(
                "device %s completed command %d, which is not under way".formatted(device, id));
    }

    @Override
    public void close() {
        memory.close();
    }
}
