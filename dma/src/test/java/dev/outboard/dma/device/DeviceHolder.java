package dev.outboard.dma.device;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Holder;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import dev.outboard.iommu.Translation;
import java.nio.file.Path;

/**
 * A device with an IOTLB of its own, which never forgets by itself. It gets at what it knows, and
 * at what it would be told if it asked.
 */
public final class DeviceHolder implements Holder {
    private final Fed fed;

    public DeviceHolder(Path directory, DomainOptions options) {
        fed = new Fed(directory, options).attach();
    }

    @Override
    public IommuDomain domain() {
        return fed.domain;
    }

    @Override
    public PhysicalMemory memory() {
        return fed.memory;
    }

    @Override
    public void settle() {
        // Answered in turn: it has heard what it was sent before.
        fed.frontEnd.features();
    }

    @Override
    public long reach(long iova, int access) {
        long page = iova >>> IoPage.SHIFT;
        long known = fed.device.iotlb.getOrDefault(page, Translation.NONE);
        long found = grants(known, access) ? known : fed.domain.table().walk(page);
        return grants(found, access) ? Translation.physicalAddress(found, iova) : -1;
    }

    private static boolean grants(long translation, int access) {
        return (access & ~Translation.access(translation)) == 0;
    }

    @Override
    public long lend() {
        return -1;
    }

    @Override
    public void takeBack() {
        throw new IllegalStateException("nothing was lent");
    }

    @Override
    public boolean revokes() {
        return false;
    }

    @Override
    public void close() {
        fed.close();
    }
}
