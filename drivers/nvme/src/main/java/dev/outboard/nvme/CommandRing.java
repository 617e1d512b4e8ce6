package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.DeviceException;
import dev.outboard.uio.Registers;
import java.lang.foreign.MemorySegment;

/**
 * A ring of commands and the ring of their completions, both in coherent memory. One thread; after
 * construction nothing allocates.
 *
 * <p>Whoever uses it has at most {@code entries - 1} commands under way, so the ring of commands is
 * never full, and every command has an id below {@code entries}.
 */
final class CommandRing implements AutoCloseable {
    private static final int PHASE = 1 << 16;
    private static final int STATUS_SHIFT = 17;
    private static final int ID_MASK = 0xffff;

    private final int entries;
    private final Registers registers;
    private final long tailDoorbell;
    private final long headDoorbell;
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

    /**
     * @param queue 0 for the admin queue
     * @param doorbellStride bytes between doorbells
     */
    CommandRing(Dma dma, Registers registers, int queue, int doorbellStride, int entries) {
        this.entries = entries;
        this.registers = registers;
        tailDoorbell = NvmeDescriptor.DOORBELLS + 2L * queue * doorbellStride;
        headDoorbell = tailDoorbell + doorbellStride;
        // Each ring begins on a page.
        completions = roundUp((long) entries * NvmeDescriptor.COMMAND_BYTES);
        memory =
                dma.allocateCoherent(
                        completions + roundUp((long) entries * NvmeDescriptor.COMPLETION_BYTES));
        bytes = memory.memory();
    }

    private static long roundUp(long length) {
        return length + NvmeDescriptor.PAGE_BYTES - 1 & -NvmeDescriptor.PAGE_BYTES;
    }

    int entries() {
        return entries;
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
        tail = 0;
        announced = 0;
        head = 0;
        acknowledged = 0;
        phase = PHASE;
    }

    /** Begins a command, all zero but for its first words; the offset of it in {@link #bytes}. */
    long begin(int opcode, int flags, int id, int namespace) {
        long at = (long) tail * NvmeDescriptor.COMMAND_BYTES;
        tail = tail + 1 == entries ? 0 : tail + 1;
        for (int word = 8; word < NvmeDescriptor.COMMAND_BYTES; word += Long.BYTES) {
            bytes.set(NvmeDescriptor.U64, at + word, 0L);
        }
        bytes.set(NvmeDescriptor.U32, at, opcode | flags | id << NvmeDescriptor.ID_SHIFT);
        bytes.set(NvmeDescriptor.U32, at + NvmeDescriptor.COMMAND_NAMESPACE, namespace);
        return at;
    }

    void setLong(long offset, long value) {
        bytes.set(NvmeDescriptor.U64, offset, value);
    }

    void setInt(long offset, int value) {
        bytes.set(NvmeDescriptor.U32, offset, value);
    }

    /** Tells the controller of the commands since the last time, if there are any. */
    void announce() {
        if (tail != announced) {
            announced = tail;
            // The register orders all stores before it: the commands are there when it is seen.
            registers.putInt(tailDoorbell, tail);
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
        if (head == entries) {
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
        int last = head == 0 ? entries - 1 : head - 1;
        return bytes.get(
                NvmeDescriptor.U32, completions + (long) last * NvmeDescriptor.COMPLETION_BYTES);
    }

    /** Lets the controller use the places of the completions that were taken. */
    void acknowledge() {
        if (head != acknowledged) {
            acknowledged = head;
            registers.putInt(headDoorbell, head);
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
