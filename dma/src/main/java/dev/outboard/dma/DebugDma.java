package dev.outboard.dma;

import java.util.ArrayList;
import java.util.List;

/**
 * A mapping service that tells {@link DmaDebug} what is done with another one, and leaves the doing
 * to that. Threads as that one; allocates with every call.
 *
 * <p>An unmap that cannot be right is refused here too, so that {@link Strategy#OFF}, which cannot
 * know, refuses it as every other strategy does.
 */
final class DebugDma implements Dma {
    private final DmaDebug debug;
    private final Dma service;

    DebugDma(DmaDebug debug, Dma service) {
        this.debug = debug;
        this.service = service;
    }

    @Override
    public DmaMemory allocate(long lengthBytes) {
        try {
            return service.allocate(lengthBytes);
        } catch (OutOfDmaMemoryException scarce) {
            debug.makeRoom();
            return service.allocate(lengthBytes);
        }
    }

    @Override
    public DmaMemory allocate(long lengthBytes, PhysicalSegment segment) {
        try {
            return service.allocate(lengthBytes, segment);
        } catch (OutOfDmaMemoryException scarce) {
            debug.makeRoom();
            return service.allocate(lengthBytes, segment);
        }
    }

    @Override
    public CoherentMemory allocateCoherent(long lengthBytes) {
        try {
            return service.allocateCoherent(lengthBytes);
        } catch (OutOfDmaMemoryException scarce) {
            debug.makeRoom();
            return service.allocateCoherent(lengthBytes);
        }
    }

    private LiveDebug mapped(
            long iova,
            long physicalAddress,
            int lengthBytes,
            DmaDirection direction,
            ScatterGatherList list) {
        LiveDebug mapping =
                new LiveDebug(
                        this,
                        iova,
                        physicalAddress,
                        lengthBytes,
                        direction,
                        list,
                        debug.bytes(physicalAddress, lengthBytes));
        debug.mapped(mapping);
        return mapping;
    }

    @Override
    public long map(long physicalAddress, int lengthBytes, DmaDirection direction) {
        long iova = service.map(physicalAddress, lengthBytes, direction);
        if (iova != NO_IOVA) {
            mapped(iova, physicalAddress, lengthBytes, direction, null);
        }
        return iova;
    }

    @Override
    public void unmap(long iova, int lengthBytes) {
        LiveDebug mapping = unmapping(iova, lengthBytes);
        boolean refused = false;
        try {
            service.unmap(iova, lengthBytes);
        } catch (IllegalArgumentException wrong) {
            refused = true;
            throw wrong;
        } finally {
            if (!refused) {
                debug.unmapped(mapping);
            }
        }
    }

    private LiveDebug unmapping(long iova, int lengthBytes) {
        LiveDebug mapping = debug.unmapping(this, iova, lengthBytes);
        if (mapping == null) {
            throw Buffers.notMapped(iova, lengthBytes);
        }
        debug.compare(mapping);
        return mapping;
    }

    @Override
    public int mapAll(
            long[] physicalAddresses,
            int[] lengths,
            long[] iovas,
            int count,
            DmaDirection direction) {
        int mapped = service.mapAll(physicalAddresses, lengths, iovas, count, direction);
        for (int index = 0; index < mapped; index++) {
            mapped(iovas[index], physicalAddresses[index], lengths[index], direction, null);
        }
        return mapped;
    }

    @Override
    public void unmapAll(long[] iovas, int[] lengths, int count) {
        List<LiveDebug> mappings = new ArrayList<>();
        boolean refused = true;
        try {
            for (int index = 0; index < count; index++) {
                LiveDebug mapping = unmapping(iovas[index], lengths[index]);
                mappings.add(mapping);
                // Taken out at once, so that the same one named twice in the batch is noticed.
                debug.unmapped(mapping);
            }
            refused = false;
            service.unmapAll(iovas, lengths, count);
        } catch (IllegalArgumentException wrong) {
            refused = true;
            throw wrong;
        } finally {
            if (refused) {
                mappings.forEach(debug::mapped);
            }
        }
    }

    @Override
    public boolean map(ScatterGatherList list, DmaDirection direction) {
        if (!service.map(list, direction)) {
            return false;
        }
        for (int index = 0; index < list.count(); index++) {
            mapped(
                    list.iova(index),
                    list.physicalAddress(index),
                    list.lengthBytes(index),
                    direction,
                    list);
        }
        return true;
    }

    @Override
    public void unmap(ScatterGatherList list) {
        List<LiveDebug> mappings =
                debug.liveOf(this).stream().filter(mapping -> mapping.list == list).toList();
        if (mappings.isEmpty()) {
            CodePlace place = CodePlace.here();
            debug.add(
                    DmaMistake.WRONG_LIST,
                    place,
                    "a list that this service has not mapped was unmapped at " + place);
        }
        mappings.forEach(debug::compare);
        boolean refused = false;
        try {
            service.unmap(list);
        } catch (IllegalArgumentException wrong) {
            refused = true;
            throw wrong;
        } finally {
            if (!refused) {
                mappings.forEach(debug::unmapped);
            }
        }
    }

    @Override
    public void syncForDevice(long iova, int lengthBytes) {
        debug.syncing(this, iova, lengthBytes, true);
        service.syncForDevice(iova, lengthBytes);
    }

    @Override
    public void syncForCpu(long iova, int lengthBytes) {
        debug.syncing(this, iova, lengthBytes, false);
        service.syncForCpu(iova, lengthBytes);
    }

    @Override
    public Grant grant(long physicalAddress, long lengthBytes, DmaDirection direction) {
        return service.grant(physicalAddress, lengthBytes, direction);
    }

    @Override
    public void flush() {
        service.flush();
    }

    @Override
    public Strategy strategy() {
        return service.strategy();
    }

    @Override
    public DmaStatistics statistics() {
        return service.statistics();
    }

    @Override
    public void close() {
        for (LiveDebug mapping : debug.liveOf(this)) {
            debug.add(DmaMistake.LEFT_MAPPED, mapping.mapped, mapping + " when its service closed");
            debug.compare(mapping);
            debug.unmapped(mapping);
        }
        service.close();
    }
}
