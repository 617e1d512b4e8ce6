package dev.outboard.models.nvme;

/**
 * A namespace: numbered blocks on a medium.
 *
 * @param blockShift the power of two of a block's bytes: 9 or 12
 */
public record Namespace(Medium medium, int blockShift) {
    /** Checks that the medium is whole blocks. */
    public Namespace {
        if (medium.lengthBytes() == 0 || medium.lengthBytes() % (1L << blockShift) != 0) {
            throw new IllegalArgumentException(
                    "a namespace of %d bytes is no whole number of blocks of %d"
                            .formatted(medium.lengthBytes(), 1 << blockShift));
        }
    }

    long blocks() {
        return medium.lengthBytes() >>> blockShift;
    }

    /** Whether blocks are all in it. */
    boolean holds(long first, long count) {
        return first >= 0 && first <= blocks() && count <= blocks() - first;
    }
}
