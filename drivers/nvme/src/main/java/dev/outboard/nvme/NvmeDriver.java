package dev.outboard.nvme;

import dev.outboard.driver.Device;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;

/**
 * Drives NVMe controllers of version 1.0 and later, of any vendor: all their namespaces, and as
 * many queues as the host wants.
 */
public final class NvmeDriver implements Driver {
    /** For the service loader. */
    public NvmeDriver() {}

    @Override
    public String name() {
        return "nvme";
    }

    @Override
    public Match match() {
        return Match.pciClass(NvmeDescriptor.PCI_CLASS);
    }

    @Override
    public Class<BlockService> service() {
        return BlockService.class;
    }

    @Override
    public Service start(Device device) {
        return Nvme.start(device, NvmeOptions.DEFAULT);
    }
}
