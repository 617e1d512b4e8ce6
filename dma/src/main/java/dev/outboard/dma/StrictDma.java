package dev.outboard.dma;

/**
 * Every buffer is invalidated by itself, and when an unmap returns, of one or of many, no device
 * reaches it any more.
 */
final class StrictDma extends SettledDma {
    StrictDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    @Override
    boolean invalidatesNeighbours() {
        return false;
    }

    @Override
    public Strategy strategy() {
        return Strategy.STRICT;
    }
}
