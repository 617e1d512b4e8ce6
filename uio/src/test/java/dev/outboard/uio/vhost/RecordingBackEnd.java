package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/** A device that notes what it is told, and owns what it is handed, as a real one must. */
final class RecordingBackEnd implements VhostBackEnd, AutoCloseable {
    static final long FEATURES = 1L << 32 | 1L << 5;

    long features = FEATURES;
    BackEndRequests requests;

    final List<String> calls = new ArrayList<>();
    final List<MemoryRegion> regions = new ArrayList<>();
    final TreeMap<Integer, EventDescriptor> kicks = new TreeMap<>();
    final TreeMap<Integer, EventDescriptor> callEvents = new TreeMap<>();
    final TreeMap<Integer, EventDescriptor> errors = new TreeMap<>();
    final byte[] config = new byte[60];
    long protocolFeatures = VhostFeatures.PROTOCOL_CONFIG;
    volatile boolean refusesMemory;
    int queueCount = 4;
    RuntimeException failure;

    private synchronized void note(String call) {
        calls.add(call);
        notifyAll();
        if (failure != null) {
            throw failure;
        }
    }

    /** Waits until the device was told something, in another thread. */
    synchronized boolean awaitCall(String call, long timeoutMillis) throws InterruptedException {
        long deadline = System.nanoTime() + 1_000_000 * timeoutMillis;
        while (!calls.contains(call)) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            wait(left);
        }
        return true;
    }

    @Override
    public long features() {
        return features;
    }

    @Override
    public long protocolFeatures() {
        return protocolFeatures;
    }

    @Override
    public int queueCount() {
        return queueCount;
    }

    @Override
    public void ownerSet() {
        note("owner");
    }

    @Override
    public void featuresAccepted(long features) {
        note("features 0x%x".formatted(features));
    }

    @Override
    public void memoryTable(List<MemoryRegion> table) {
        regions.forEach(region -> region.descriptor().close());
        regions.clear();
        regions.addAll(table);
        note("memory " + table.size());
    }

    @Override
    public void memoryRegionAdded(MemoryRegion region) {
        if (refusesMemory) {
            region.descriptor().close();
            throw new VhostProtocolException("no memory is taken");
        }
        regions.add(region);
        note("memory added 0x%x".formatted(region.guestAddress()));
    }

    @Override
    public void memoryRegionRemoved(MemoryRegion region) {
        if (refusesMemory) {
            throw new VhostProtocolException("no memory is given up");
        }
        regions.stream()
                .filter(region::isSamePlace)
                .findFirst()
                .ifPresent(
                        old -> {
                            old.descriptor().close();
                            regions.remove(old);
                        });
        note("memory removed 0x%x".formatted(region.guestAddress()));
    }

    @Override
    public void backEndRequests(BackEndRequests channel) {
        if (requests != null) {
            requests.close();
        }
        requests = channel;
        note("channel");
    }

    @Override
    public void iotlb(IotlbMessage message) {
        note("iotlb " + message);
    }

    @Override
    public byte[] config(int offset, int length) {
        if (offset + length > config.length) {
            throw new VhostProtocolException("the configuration space has 60 bytes");
        }
        note("config %d %d".formatted(offset, length));
        return Arrays.copyOfRange(config, offset, offset + length);
    }

    @Override
    public void configWritten(int offset, byte[] bytes) {
        note("config written %d %d".formatted(offset, bytes.length));
        System.arraycopy(bytes, 0, config, offset, bytes.length);
    }

    @Override
    public void vringSize(int queue, int entries) {
        note("size %d %d".formatted(queue, entries));
    }

    @Override
    public void vringBase(int queue, int index) {
        note("base %d %d".formatted(queue, index));
    }

    @Override
    public void vringAddresses(int queue, long descriptors, long used, long available) {
        note("addresses %d 0x%x 0x%x 0x%x".formatted(queue, descriptors, used, available));
    }

    private static void put(
            TreeMap<Integer, EventDescriptor> events, int queue, EventDescriptor event) {
        EventDescriptor old = event == null ? events.remove(queue) : events.put(queue, event);
        if (old != null) {
            old.close();
        }
    }

    @Override
    public void vringKick(int queue, EventDescriptor kick) {
        put(kicks, queue, kick);
        note("kick %d %s".formatted(queue, kick != null));
    }

    @Override
    public void vringCall(int queue, EventDescriptor call) {
        put(callEvents, queue, call);
        note("call %d %s".formatted(queue, call != null));
    }

    @Override
    public void vringError(int queue, EventDescriptor error) {
        put(errors, queue, error);
        note("error %d %s".formatted(queue, error != null));
    }

    @Override
    public void vringEnabled(int queue, boolean enabled) {
        note("enabled %d %s".formatted(queue, enabled));
    }

    @Override
    public int stopVring(int queue) {
        note("stop " + queue);
        return 7;
    }

    @Override
    public void close() {
        regions.stream().map(MemoryRegion::descriptor).forEach(Descriptor::close);
        regions.clear();
        if (requests != null) {
            requests.close();
        }
        for (TreeMap<Integer, EventDescriptor> events : List.of(kicks, callEvents, errors)) {
            events.values().forEach(EventDescriptor::close);
            events.clear();
        }
    }
}
