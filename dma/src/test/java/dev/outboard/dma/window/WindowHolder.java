package dev.outboard.dma.window;

import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Holder;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import java.util.TreeMap;

/** A keeper of windows that keeps them in a tree, and refuses what no keeper may be asked. */
public final class WindowHolder implements Holder, DmaWindows {
    private final TreeMap<Long, Window> windows = new TreeMap<>();
    private final WindowDomains domains = new WindowDomains();
    private final PhysicalMemory memory;
    private final WindowDomain domain;
    int limit = 1 << 16;

    private record Window(long physicalAddress, long lengthBytes, int access) {}

    public WindowHolder(DomainOptions options, long lengthBytes) {
        memory = PhysicalMemory.create(lengthBytes);
        domain = domains.claim("windows", memory, options);
        domain.attach(this);
    }

    @Override
    public int limit() {
        return limit;
    }

    @Override
    public void map(long iova, PhysicalSegment segment, long offset, long lengthBytes, int access) {
        var below = windows.lowerEntry(iova + lengthBytes);
        if (below != null && below.getKey() + below.getValue().lengthBytes() > iova) {
            throw new AssertionError("a window at 0x%x is there already".formatted(iova));
        }
        if (offset < 0 || offset > segment.lengthBytes() - lengthBytes) {
            throw new AssertionError("a window beyond its memory");
        }
        windows.put(iova, new Window(segment.physicalAddress() + offset, lengthBytes, access));
    }

    @Override
    public void unmap(long iova, long lengthBytes) {
        var window = windows.remove(iova);
        if (window == null || window.lengthBytes() != lengthBytes) {
            throw new AssertionError("no window of %d at 0x%x".formatted(lengthBytes, iova));
        }
    }

    int windows() {
        return windows.size();
    }

    @Override
    public IommuDomain domain() {
        return domain;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public void settle() {
        // What is mapped or unmapped is so when the call returns.
    }

    @Override
    public long reach(long iova, int access) {
        var below = windows.floorEntry(iova);
        if (below == null) {
            return -1;
        }
        var window = below.getValue();
        long offset = iova - below.getKey();
        boolean isReached = offset < window.lengthBytes() && (access & ~window.access()) == 0;
        return isReached ? window.physicalAddress() + offset : -1;
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
        domains.close();
        memory.close();
    }
}
