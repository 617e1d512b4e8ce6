package dev.outboard.dma;

/** Is shown the mappings of a service. */
interface MappingVisitor {
    /**
     * A mapping, or a part of one: a mapping of a list is shown in as many parts as it has.
     *
     * @param page the first IOVA page of the whole mapping
     * @param pages of the whole mapping
     * @param firstFrame the first page frame of this part
     * @param frames contiguous page frames of this part
     */
    void mapping(long page, int pages, long firstFrame, int frames);
}
