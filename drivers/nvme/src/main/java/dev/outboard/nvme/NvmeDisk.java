package dev.outboard.nvme;

import dev.outboard.driver.Notice;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** One namespace as a disk. Any thread, but for {@link #close}; each of its queues has one. */
final class NvmeDisk implements BlockService {
    private final Nvme nvme;
    private final Namespace namespace;
    private final NvmeLimits limits;
    private final List<NamespaceQueue> queues = new ArrayList<>();

    NvmeDisk(Nvme nvme, Namespace namespace, NvmeLimits limits, List<NvmeQueue> shared) {
        this.nvme = nvme;
        this.namespace = namespace;
        this.limits = limits;
        for (NvmeQueue queue : shared) {
            queues.add(
                    new NamespaceQueue(
                            queue, namespace, maximumZeroesBytes(), maximumDiscardBytes()));
        }
    }

    Nvme nvme() {
        return nvme;
    }

    @Override
    public String describe() {
        return nvme.describe(this);
    }

    String describeItself() {
        return "namespace %d of %,d bytes in blocks of %d%s"
                .formatted(
                        namespace.id(),
                        namespace.capacityBytes(),
                        namespace.blockBytes(),
                        namespace.isReadOnly() ? ", read-only" : "");
    }

    @Override
    public void onNotice(Consumer<Notice> listener) {
        nvme.onNotice(listener);
    }

    @Override
    public long capacityBytes() {
        return namespace.capacityBytes();
    }

    @Override
    public int blockBytes() {
        return namespace.blockBytes();
    }

    @Override
    public boolean isReadOnly() {
        return namespace.isReadOnly();
    }

    @Override
    public boolean hasWriteCache() {
        return limits.hasWriteCache();
    }

    @Override
    public int maximumRequestBytes() {
        return limits.requestBytes() & -blockBytes();
    }

    @Override
    public long maximumZeroesBytes() {
        return limits.canWriteZeroes() ? namespace.mostZeroedBytes() : 0;
    }

    @Override
    public long maximumDiscardBytes() {
        return limits.canDiscard() ? namespace.mostDiscardedBytes() : 0;
    }

    @Override
    public long boundaryBytes() {
        return namespace.boundaryBytes();
    }

    @Override
    public List<? extends BlockService> disks() {
        return nvme.disks();
    }

    @Override
    public int queueCount() {
        return queues.size();
    }

    @Override
    public BlockQueue queue(int index) {
        return queues.get(index);
    }

    /** Ends the whole controller's service: its disks begin and end together. */
    @Override
    public void close() {
        nvme.close();
    }
}
