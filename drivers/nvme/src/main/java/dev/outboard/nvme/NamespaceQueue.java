package dev.outboard.nvme;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.CompletionHandler;

/**
 * A queue as the client of one namespace sees it. Those of the other namespaces share its rings,
 * and so its thread and its completions. Allocates nothing.
 */
final class NamespaceQueue implements BlockQueue {
    private final NvmeQueue queue;
    private final Namespace namespace;
    private final long mostZeroedBytes;
    private final long mostDiscardedBytes;

    NamespaceQueue(
            NvmeQueue queue, Namespace namespace, long mostZeroedBytes, long mostDiscardedBytes) {
        this.queue = queue;
        this.namespace = namespace;
        this.mostZeroedBytes = mostZeroedBytes;
        this.mostDiscardedBytes = mostDiscardedBytes;
    }

    @Override
    public int depth() {
        return queue.depth();
    }

    @Override
    public int free() {
        return queue.free();
    }

    @Override
    public boolean read(
            long sector, DmaMemory target, long offsetBytes, int lengthBytes, long tag) {
        return queue.transfer(
                namespace,
                NvmeDescriptor.IO_READ,
                DmaDirection.FROM_DEVICE,
                sector,
                target,
                offsetBytes,
                lengthBytes,
                tag);
    }

    @Override
    public boolean write(
            long sector, DmaMemory source, long offsetBytes, int lengthBytes, long tag) {
        namespace.checkWritable();
        return queue.transfer(
                namespace,
                NvmeDescriptor.IO_WRITE,
                DmaDirection.TO_DEVICE,
                sector,
                source,
                offsetBytes,
                lengthBytes,
                tag);
    }

    @Override
    public boolean flush(long tag) {
        return queue.flush(namespace, tag);
    }

    @Override
    public boolean writeZeroes(long sector, long lengthBytes, long tag) {
        if (mostZeroedBytes == 0) {
            return BlockQueue.super.writeZeroes(sector, lengthBytes, tag);
        }
        namespace.checkWritable();
        namespace.check(sector, lengthBytes, mostZeroedBytes);
        return queue.writeZeroes(namespace, sector, lengthBytes, tag);
    }

    @Override
    public boolean discard(long sector, long lengthBytes, long tag) {
        if (mostDiscardedBytes == 0) {
            return BlockQueue.super.discard(sector, lengthBytes, tag);
        }
        namespace.checkWritable();
        namespace.check(sector, lengthBytes, mostDiscardedBytes);
        return queue.discard(namespace, sector, lengthBytes, tag);
    }

    @Override
    public void submit() {
        queue.submit();
    }

    @Override
    public int poll(CompletionHandler handler, int limit) {
        return queue.poll(handler, limit);
    }

    @Override
    public boolean await(long timeoutNanos) {
        return queue.await(timeoutNanos);
    }

    @Override
    public int pending() {
        return queue.pending();
    }
}
