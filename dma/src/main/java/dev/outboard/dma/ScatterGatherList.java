package dev.outboard.dma;

import java.util.Objects;

/**
 * Buffers that are mapped and unmapped together, in one run of IOVA where the strategy can, and
 * with one flush at most.
 *
 * <p>Buffers that follow one another in memory are merged, and so are those that follow one another
 * in IOVA once they are mapped, as pages of any frames do: a driver hands the device {@link
 * #deviceCount} parts, which may be far fewer than {@link #count} buffers.
 *
 * <pre>
 *   buffers      [ 0x5000, 4096 ] [ 0x6000, 100 ]   [ 0x9000, 8192 ]   [ 0x2080, 10 ]
 *   in memory    [ 0x5000, 4196           ]         [ 0x9000, 8192 ]   [ 0x2080, 10 ]
 *   mapped       ──── page 7, page 8 ────────────── page 9, page 10 ── page 11 ──────
 *   device sees  [ 0x7000, 4196           ]         [ 0x9000, 8192 ]   [ 0xb080, 10 ]
 * </pre>
 *
 * <p>The memory is taken at construction; used again after {@link #clear}. One thread.
 */
public final class ScatterGatherList {
    private final long[] physicalAddresses;
    private final int[] lengths;

    /** Which piece a buffer is part of. */
    private final int[] pieceOf;

    /** Buffers that follow one another in memory, as one. */
    private final long[] pieceAddresses;

    private final int[] pieceLengths;
    private final long[] pieceIovas;

    /** Pieces that follow one another in IOVA, as one. */
    private final long[] deviceIovas;

    private final int[] deviceLengths;
    private int count;
    private int pieces;
    private int deviceParts;
    private Dma mappedBy;

    /**
     * An empty list.
     *
     * @param capacity buffers that it can hold, at least 1
     */
    public ScatterGatherList(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("capacity=" + capacity + " is not positive");
        }
        physicalAddresses = new long[capacity];
        lengths = new int[capacity];
        pieceOf = new int[capacity];
        pieceAddresses = new long[capacity];
        pieceLengths = new int[capacity];
        pieceIovas = new long[capacity];
        deviceIovas = new long[capacity];
        deviceLengths = new int[capacity];
    }

    /**
     * Appends a buffer; false if the list is full.
     *
     * @throws IllegalArgumentException if the buffer is empty
     * @throws IllegalStateException if the list is mapped
     */
    public boolean add(long physicalAddress, int lengthBytes) {
        requireUnmapped();
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("lengthBytes=" + lengthBytes + " is not positive");
        }
        if (count == lengths.length) {
            return false;
        }
        physicalAddresses[count] = physicalAddress;
        lengths[count] = lengthBytes;
        int last = pieces - 1;
        if (pieces > 0
                && physicalAddress == pieceAddresses[last] + pieceLengths[last]
                && lengthBytes <= Integer.MAX_VALUE - pieceLengths[last]) {
            pieceLengths[last] += lengthBytes;
        } else {
            pieceAddresses[pieces] = physicalAddress;
            pieceLengths[pieces] = lengthBytes;
            pieces++;
        }
        pieceOf[count] = pieces - 1;
        count++;
        return true;
    }

    /** Buffers in the list. */
    public int count() {
        return count;
    }

    /** Physical address of buffer {@code index}. */
    public long physicalAddress(int index) {
        return physicalAddresses[checked(index)];
    }

    /** Length of buffer {@code index}. */
    public int lengthBytes(int index) {
        return lengths[checked(index)];
    }

    /**
     * IOVA of buffer {@code index}.
     *
     * @throws IllegalStateException if the list is not mapped
     */
    public long iova(int index) {
        requireMapped();
        int piece = pieceOf[checked(index)];
        return pieceIovas[piece] + (physicalAddresses[index] - pieceAddresses[piece]);
    }

    /**
     * Parts that the device sees, at most {@link #count}: for a driver that wants few descriptors.
     *
     * @throws IllegalStateException if the list is not mapped
     */
    public int deviceCount() {
        requireMapped();
        return deviceParts;
    }

    /**
     * IOVA of a part that the device sees.
     *
     * @throws IllegalStateException if the list is not mapped
     */
    public long deviceIova(int part) {
        requireMapped();
        return deviceIovas[Objects.checkIndex(part, deviceParts)];
    }

    /**
     * Length of a part that the device sees.
     *
     * @throws IllegalStateException if the list is not mapped
     */
    public int deviceLengthBytes(int part) {
        requireMapped();
        return deviceLengths[Objects.checkIndex(part, deviceParts)];
    }

    /** Whether the list is mapped now. */
    public boolean isMapped() {
        return mappedBy != null;
    }

    /**
     * Removes all buffers.
     *
     * @throws IllegalStateException if the list is mapped
     */
    public void clear() {
        requireUnmapped();
        count = 0;
        pieces = 0;
    }

    /** Merged pieces: what a service maps. */
    int pieces() {
        return pieces;
    }

    long pieceAddress(int piece) {
        return pieceAddresses[piece];
    }

    int pieceLength(int piece) {
        return pieceLengths[piece];
    }

    long pieceIova(int piece) {
        return pieceIovas[piece];
    }

    void setPieceIova(int piece, long iova) {
        pieceIovas[piece] = iova;
    }

    /** The list's own memory, to be read. */
    long[] pieceIovas() {
        return pieceIovas;
    }

    /** The list's own memory, to be read. */
    int[] pieceLengths() {
        return pieceLengths;
    }

    /** Every piece has its IOVA: the device's view can be drawn up. */
    void mapped(Dma dma) {
        mappedBy = dma;
        deviceParts = 0;
        for (int piece = 0; piece < pieces; piece++) {
            int last = deviceParts - 1;
            if (last >= 0
                    && pieceIovas[piece] == deviceIovas[last] + deviceLengths[last]
                    && pieceLengths[piece] <= Integer.MAX_VALUE - deviceLengths[last]) {
                deviceLengths[last] += pieceLengths[piece];
            } else {
                deviceIovas[deviceParts] = pieceIovas[piece];
                deviceLengths[deviceParts] = pieceLengths[piece];
                deviceParts++;
            }
        }
    }

    void unmapped() {
        mappedBy = null;
    }

    void requireMappedBy(Dma dma) {
        if (mappedBy != dma) {
            throw new IllegalArgumentException("the list is not mapped by this service");
        }
    }

    /** Refuses a list that is mapped already, or has nothing to map. */
    void requireMappable() {
        requireUnmapped();
        if (count == 0) {
            throw new IllegalArgumentException("the list is empty");
        }
    }

    private void requireMapped() {
        if (mappedBy == null) {
            throw new IllegalStateException("the list is not mapped");
        }
    }

    private void requireUnmapped() {
        if (mappedBy != null) {
            throw new IllegalStateException("the list is mapped: unmap it first");
        }
    }

    private int checked(int index) {
        return Objects.checkIndex(index, count);
    }
}
