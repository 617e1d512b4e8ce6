package dev.outboard.e1000e;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.net.FrameOffload;
import dev.outboard.frames.TransmitRing;
import java.lang.foreign.MemorySegment;

/**
 * The ring of frames (7.2): a frame is one part or several, behind a context where its offload is
 * another than that of the frame before. One thread; after construction nothing allocates.
 *
 * <p>The device reports the last frame of what is published together, and every {@link
 * #REPORT_EVERY}th: frames end in order, so a report stands for all before it. Of what it writes,
 * one bit is looked at.
 */
final class SendRing extends ControllerRing implements TransmitRing {
    private static final int REPORT_EVERY = 16;

    /** Headers, and 64 KiB in pages, not aligned. */
    private static final int MOST_PARTS = 18;

    private final int entries;
    private final int mask;
    private final MemorySegment bytes;

    private final long[] partIova = new long[MOST_PARTS];
    private final int[] partBytes = new int[MOST_PARTS];
    private int parts;

    /** Of frames under way: which, its last place, and whether the device reports it. */
    private final int[] bufferOf;

    private final int[] endOf;
    private final boolean[] reports;

    /** Of frames: added, shown to the device, known to be done, taken back. */
    private int addedFrames;

    private int shownFrames;
    private int doneFrames;
    private int takenFrames;

    /** Places of the ring: taken into use, and free again. */
    private int tail;

    private int freed;

    /** What the device has as context; 0 for none. */
    private long context;

    private long contextHeads;

    SendRing(Device device, Controller controller, Dma dma, int entries) {
        this(
                device,
                controller,
                dma.allocateCoherent((long) entries * E1000eDescriptor.ENTRY_BYTES),
                entries);
    }

    private SendRing(Device device, Controller controller, CoherentMemory memory, int entries) {
        super(
                device,
                controller,
                memory,
                E1000eDescriptor.SEND_BASE,
                controller.hasVectors()
                        ? E1000eDescriptor.CAUSE_SEND_QUEUE
                        : E1000eDescriptor.CAUSE_SENT | E1000eDescriptor.CAUSE_SEND_EMPTY);
        this.entries = entries;
        mask = entries - 1;
        bytes = memory.memory();
        bufferOf = new int[entries];
        endOf = new int[entries];
        reports = new boolean[entries];
    }

    /** Places of the ring; a full one would look empty to the device. */
    private int freePlaces() {
        return entries - 1 - (tail - freed);
    }

    @Override
    public int free() {
        // Each frame may need a context.
        return freePlaces() >> 1;
    }

    @Override
    public int outstanding() {
        return addedFrames - takenFrames;
    }

    @Override
    public int maximumParts() {
        return MOST_PARTS;
    }

    /** Its parts and a context, in the unit of {@link #free}. */
    @Override
    public int places(int partCount) {
        return partCount + 2 >> 1;
    }

    @Override
    public void prepare(MemorySegment memory, long frameOffset, int lengthBytes, long offload) {
        SegmentHeaders.prepare(memory, frameOffset, lengthBytes, offload);
    }

    @Override
    public void checkPosted(int lengthBytes, long offload) {
        SegmentHeaders.checkPosted(offload);
    }

    @Override
    public void add(long iova, int lengthBytes, int buffer, long offload) {
        int command = E1000eDescriptor.PART_CRC | E1000eDescriptor.PART_END;
        int options = 0;
        if (offload != FrameOffload.NONE) {
            describe(offload, lengthBytes);
            command |= command(offload);
            options = options(offload);
        }
        describe(iova, lengthBytes | command, options);
        end(buffer);
    }

    @Override
    public void part(long iova, int lengthBytes) {
        partIova[parts] = iova;
        partBytes[parts] = lengthBytes;
        parts++;
    }

    @Override
    public void add(int buffer, long offload) {
        int command = E1000eDescriptor.PART_CRC;
        int options = 0;
        if (offload != FrameOffload.NONE) {
            int lengthBytes = 0;
            for (int index = 0; index < parts; index++) {
                lengthBytes += partBytes[index];
            }
            describe(offload, lengthBytes);
            command |= command(offload);
            options = options(offload);
        }
        int last = parts - 1;
        for (int index = 0; index <= last; index++) {
            int end = index == last ? E1000eDescriptor.PART_END : 0;
            describe(partIova[index], partBytes[index] | command | end, options);
        }
        parts = 0;
        end(buffer);
    }

    private static int command(long offload) {
        return E1000eDescriptor.PART_EXTENDED
                | (FrameOffload.mssBytes(offload) != 0 ? E1000eDescriptor.PART_SEGMENT : 0);
    }

    private static int options(long offload) {
        boolean sumsIp = FrameOffload.mssBytes(offload) != 0 && !FrameOffload.isIpv6(offload);
        return E1000eDescriptor.OPTION_TCP_SUM | (sumsIp ? E1000eDescriptor.OPTION_IP_SUM : 0);
    }

    /** Writes a context, unless the device has it. */
    private void describe(long offload, int lengthBytes) {
        int start = FrameOffload.startBytes(offload);
        long sums = SegmentHeaders.sums(offload);
        int mss = FrameOffload.mssBytes(offload);
        long heads = E1000eDescriptor.CONTEXT;
        if (mss != 0) {
            int headers = FrameOffload.headersBytes(offload);
            heads |=
                    lengthBytes - headers
                            | E1000eDescriptor.CONTEXT_TCP
                            | E1000eDescriptor.CONTEXT_SEGMENT
                            | (FrameOffload.isIpv6(offload) ? 0 : E1000eDescriptor.CONTEXT_IPV4)
                            | (long) headers << 40
                            | (long) mss << 48;
        } else if (FrameOffload.offsetBytes(offload) == SegmentHeaders.TCP_SUM) {
            heads |= E1000eDescriptor.CONTEXT_TCP;
        }
        if (sums != context || heads != contextHeads) {
            context = sums;
            contextHeads = heads;
            put(sums, heads);
        }
    }

    private void describe(long iova, int lengthAndCommand, int options) {
        put(iova, Integer.toUnsignedLong(lengthAndCommand) | (long) options << Integer.SIZE);
    }

    private void put(long first, long second) {
        long offset = (long) (tail & mask) * E1000eDescriptor.ENTRY_BYTES;
        bytes.set(E1000eDescriptor.U64, offset, first);
        bytes.set(E1000eDescriptor.U64, offset + E1000eDescriptor.ENTRY_WORD, second);
        tail++;
    }

    private void end(int buffer) {
        int at = addedFrames & mask;
        bufferOf[at] = buffer;
        endOf[at] = tail - 1;
        reports[at] = false;
        if (addedFrames % REPORT_EVERY == 0) {
            report(at);
        }
        addedFrames++;
    }

    /** Has the device say when it has sent a frame. */
    private void report(int at) {
        if (!reports[at]) {
            reports[at] = true;
            long offset = wordOf(at);
            long word = bytes.get(E1000eDescriptor.U64, offset);
            bytes.set(E1000eDescriptor.U64, offset, word | E1000eDescriptor.PART_REPORT);
        }
    }

    private long wordOf(int frame) {
        return (long) (endOf[frame] & mask) * E1000eDescriptor.ENTRY_BYTES
                + E1000eDescriptor.ENTRY_WORD;
    }

    @Override
    public void publish() {
        checkGeneration();
        if (addedFrames != shownFrames) {
            report(addedFrames - 1 & mask);
            shownFrames = addedFrames;
            ring(tail & mask);
        }
    }

    @Override
    public int completed() {
        checkGeneration();
        int at = doneFrames;
        while (at != shownFrames) {
            int frame = at & mask;
            at++;
            if (reports[frame]) {
                if (!isSent(frame)) {
                    break;
                }
                doneFrames = at;
            }
        }
        return doneFrames - takenFrames;
    }

    private boolean isSent(int frame) {
        // Acquire: the device has read all of the frame before it says so.
        long word = (long) E1000eDescriptor.WORD.getAcquire(bytes, wordOf(frame));
        return (word >>> Integer.SIZE & E1000eDescriptor.SENT) != 0;
    }

    @Override
    boolean isReady() {
        return completed() != 0;
    }

    @Override
    public int take() {
        int at = takenFrames & mask;
        takenFrames++;
        freed = endOf[at] + 1;
        return bufferOf[at];
    }

    /** The device has forgotten what it had: the wire has lost it, as it may lose any frame. */
    @Override
    void retell() {
        doneFrames = addedFrames;
        shownFrames = addedFrames;
        tail = 0;
        freed = 0;
        for (int frame = takenFrames; frame != addedFrames; frame++) {
            // Taking it back gives no place of the new ring back.
            endOf[frame & mask] = -1;
        }
        context = 0;
        contextHeads = 0;
        startRing();
    }
}
