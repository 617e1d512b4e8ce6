package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.nio.file.Path;
import java.util.List;

/** The driver's end of a vhost-user connection. One thread. */
public final class VhostFrontEnd implements AutoCloseable {
    private VhostFrontEnd() {}

    public static VhostFrontEnd connect(Path socket, long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    public long features() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setFeatures(long features) {
        throw new UnsupportedOperationException("not built yet");
    }

    public long protocolFeatures() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setProtocolFeatures(long features) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int queueCount() {
        throw new UnsupportedOperationException("not built yet");
    }

    public int memorySlots() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setOwner() {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setMemoryTable(List<MemoryRegion> regions) {
        throw new UnsupportedOperationException("not built yet");
    }

    public byte[] readConfig(int offset, int length) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void writeConfig(int offset, byte[] bytes) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringSize(int queue, int entries) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringBase(int queue, int index) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringAddresses(int queue, long descriptors, long used, long available) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringKick(int queue, EventDescriptor kick) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringCall(int queue, EventDescriptor call) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringError(int queue, EventDescriptor error) {
        throw new UnsupportedOperationException("not built yet");
    }

    public void setVringEnabled(int queue, boolean enabled) {
        throw new UnsupportedOperationException("not built yet");
    }

    public int stopVring(int queue) {
        throw new UnsupportedOperationException("not built yet");
    }

    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    public boolean isPeerGone() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
