package dev.outboard.dma;

/**
 * Many are unmapped together with as few invalidations as name them (The Price of Safety, sections
 * 4.2 and 4.3.3): when an unmap returns, of one or of many, no device reaches the buffers any more.
 */
final class BatchedDma extends SettledDma {
    BatchedDma(PhysicalMemory memory, Translations translations) {
        super(memory, translations);
    }

    @Override
    boolean invalidatesNeighbours() {
        return true;
    }

    @Override
    public Strategy strategy() {
        return Strategy.BATCHED;
    }
}
