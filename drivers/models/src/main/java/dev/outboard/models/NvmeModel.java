package dev.outboard.models;

import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.backend.loop.ModelRunner;
import dev.outboard.models.nvme.FileMedium;
import dev.outboard.models.nvme.Medium;
import dev.outboard.models.nvme.MemoryMedium;
import dev.outboard.models.nvme.Namespace;
import dev.outboard.models.nvme.NvmeController;
import dev.outboard.models.nvme.NvmeCounters;
import dev.outboard.models.pci.PciPort;
import dev.outboard.models.pci.PciPortSettings;
import dev.outboard.uio.Resources;
import java.util.ArrayList;
import java.util.List;

/**
 * An NVMe controller over vfio-user (NVM Express 1.4), for one driver at a time.
 *
 * <p>One thread does everything, file access included. {@link #statistics} and {@link #stop} may be
 * called from any.
 */
public final class NvmeModel implements DeviceModel {
    private final NvmeOptions options;
    private final ModelRunner runner;
    private final Counters counters = NvmeCounters.create();
    private volatile PciPort port;

    /** A controller that is not opened yet. */
    public NvmeModel(NvmeOptions options) {
        this.options = options;
        runner = new ModelRunner("nvme", options.waiting(), this::assemble);
    }

    private ModelRunner.Assembly assemble(DeviceLoop loop) {
        Resources opened = new Resources();
        try {
            List<Namespace> namespaces = new ArrayList<>();
            for (NvmeOptions.Disk disk : options.disks()) {
                Medium medium = opened.add(medium(disk, opened));
                int shift = Integer.numberOfTrailingZeros(disk.blockBytes());
                namespaces.add(new Namespace(medium, shift));
            }
            var settings = new PciPortSettings(options.name(), options.socket(), options.iommu());
            port =
                    new PciPort(
                            loop,
                            settings,
                            own -> opened.add(controller(own, namespaces)),
                            opened::close);
            return port;
        } catch (DeviceModelException failure) {
            opened.closeAfter(failure);
            throw failure;
        } catch (RuntimeException failure) {
            opened.closeAfter(failure);
            throw new DeviceModelException(
                    "device " + options.name() + ": " + failure.getMessage(), failure);
        }
    }

    private static Medium medium(NvmeOptions.Disk disk, Resources opened) {
        return disk.file() == null
                ? new MemoryMedium(disk.lengthBytes())
                : new FileMedium(
                        opened.add(DiskFile.open(disk.file(), disk.readOnly())).access(),
                        disk.readOnly());
    }

    private NvmeController controller(PciPort own, List<Namespace> namespaces) {
        return new NvmeController(own, options.shape(), options.name(), namespaces, counters);
    }

    @Override
    public void run(Runnable ready) {
        runner.run(ready);
    }

    @Override
    public void start() {
        runner.start();
    }

    @Override
    public void stop() {
        runner.stop();
    }

    @Override
    public void close() {
        stop();
    }

    /** What was counted since the start. Any thread. */
    public NvmeStatistics statistics() {
        PciPort now = port;
        return new NvmeStatistics(
                now != null && now.isConnected(),
                counters.get(NvmeCounters.READS),
                counters.get(NvmeCounters.READ_BYTES),
                counters.get(NvmeCounters.WRITES),
                counters.get(NvmeCounters.WRITTEN_BYTES),
                counters.get(NvmeCounters.FLUSHES),
                counters.get(NvmeCounters.ZEROES),
                counters.get(NvmeCounters.ERRORS),
                counters.get(NvmeCounters.FAULTS),
                counters.get(NvmeCounters.RESETS),
                now == null ? 0 : now.disconnections(),
                now == null ? "" : now.lastReason());
    }
}
