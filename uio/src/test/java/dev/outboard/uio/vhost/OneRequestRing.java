package dev.outboard.uio.vhost;

import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;

/**
 * A split virtqueue in a page of shared memory, good for one block request at a time: just enough
 * to see a foreign back-end move data. Layout: virtio 1.2, 2.7 and 5.2.6.
 *
 * <pre>
 *   0x0000 descriptors (16 × 16)   0x0400 available   0x0800 used
 *   0x1000 request header (16)     0x1100 status      0x2000 data (4096)
 * </pre>
 */
final class OneRequestRing implements InterruptLine, AutoCloseable {
    static final int ENTRIES = 16;
    static final int DATA_BYTES = 4096;
    static final long GUEST = 0x1_0000_0000L;
    static final long USER = 0x5000_0000_0000L;

    /** Between two rings that are told to one back-end. */
    static final long DISTANCE = 0x1000_0000L;

    private static final int AVAILABLE = 0x400;
    private static final int USED = 0x800;
    private static final int HEADER = 0x1000;
    private static final int STATUS = 0x1100;
    private static final int DATA = 0x2000;
    private static final short NEXT = 1;
    private static final short WRITE = 2;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;

    private final MemoryFile file = MemoryFile.create("one-request-ring", 0x4000);
    private final Mapping mapping = file.map(0, file.lengthBytes(), true);
    private final MemorySegment memory = mapping.memory();
    private short submitted;

    MemoryRegion region() {
        return new MemoryRegion(GUEST, file.lengthBytes(), USER, 0, file.descriptor());
    }

    /** Tells the back-end of everything but the events. */
    void describeTo(VhostFrontEnd frontEnd, int queue) {
        frontEnd.setVringSize(queue, ENTRIES);
        frontEnd.setVringBase(queue, 0);
        frontEnd.setVringAddresses(queue, USER, USER + USED, USER + AVAILABLE);
    }

    /** Puts a request into the ring: 0 reads, 1 writes a page of data at a sector. */
    void submit(int type, long sector) {
        submit(type, sector, GUEST + DATA);
    }

    /** The same with a page of data anywhere. */
    void submit(int type, long sector, long dataAddress) {
        memory.set(ValueLayout.JAVA_INT, HEADER, type);
        memory.set(ValueLayout.JAVA_LONG, HEADER + 8, sector);
        memory.set(ValueLayout.JAVA_BYTE, STATUS, (byte) 0xff);
        describe(0, GUEST + HEADER, 16, NEXT, 1);
        describe(1, dataAddress, DATA_BYTES, (short) (NEXT | (type == 0 ? WRITE : 0)), 2);
        describe(2, GUEST + STATUS, 1, WRITE, 0);
        makeAvailable();
    }

    /** Puts a buffer into the ring for a network back-end to fill. */
    void offerBuffer() {
        describe(0, GUEST + DATA, DATA_BYTES, WRITE, 0);
        makeAvailable();
    }

    private void makeAvailable() {
        memory.set(SHORT, AVAILABLE + 4 + 2 * (submitted % ENTRIES), (short) 0);
        submitted++;
        SHORT.varHandle().setRelease(memory, AVAILABLE + 2L, submitted);
    }

    private void describe(int index, long address, int length, short flags, int next) {
        memory.set(ValueLayout.JAVA_LONG, 16L * index, address);
        memory.set(ValueLayout.JAVA_INT, 16L * index + 8, length);
        memory.set(SHORT, 16L * index + 12, flags);
        memory.set(SHORT, 16L * index + 14, (short) next);
    }

    /** The request's status: 0 is done well. */
    int status() {
        return memory.get(ValueLayout.JAVA_BYTE, STATUS);
    }

    void text(String text) {
        memory.asSlice(DATA, DATA_BYTES).fill((byte) 0);
        memory.setString(DATA, text, StandardCharsets.US_ASCII);
    }

    String text() {
        return memory.getString(DATA, StandardCharsets.US_ASCII);
    }

    @Override
    public boolean isPending() {
        return (short) SHORT.varHandle().getAcquire(memory, USED + 2L) == submitted;
    }

    @Override
    public boolean unmask() {
        SHORT.varHandle().setRelease(memory, (long) AVAILABLE, (short) 0);
        // Virtio 1.2, 2.7.7.1: the flag must be seen before the ring is looked at again.
        VarHandle.fullFence();
        return isPending();
    }

    @Override
    public void mask() {
        SHORT.varHandle().setRelease(memory, (long) AVAILABLE, (short) 1);
    }

    @Override
    public void close() {
        mapping.close();
        file.close();
    }
}
