package dev.outboard.dma;

import dev.outboard.iommu.PageTable;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Resources;

/**
 * A page table in a memfd that only this process can write: it was mapped here before all later
 * mappings were sealed read-only. Owned by its domain; any thread, and what the table says.
 */
final class TableMemory implements AutoCloseable {
    private final Resources owned = new Resources();
    private final MemoryFile file;
    private final PageTable table;

    TableMemory(String domain, DomainOptions options) {
        long lengthBytes = options.format().tableBytes(options.tableEntries());
        try {
            file = owned.add(MemoryFile.create("outboard-tce-" + domain, lengthBytes));
            file.sealSize();
            Mapping mapping = owned.add(file.map(0, lengthBytes, true));
            file.sealFutureWrites();
            table = options.format().create(mapping.memory(), options.tableEntries());
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
    }

    PageTable table() {
        return table;
    }

    /** What devices map; they cannot write it. */
    MemoryFile file() {
        return file;
    }

    @Override
    public void close() {
        owned.close();
    }
}
