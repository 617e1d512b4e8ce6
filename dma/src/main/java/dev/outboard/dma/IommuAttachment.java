package dev.outboard.dma;

import dev.outboard.uio.Descriptor;
import java.nio.file.Path;

/** A device's bus master behind an IOMMU that another process owns. */
public final class IommuAttachment implements BusMaster {
    private IommuAttachment() {}

    /** Attaches by name; waits until a driver has claimed that name. */
    public static IommuAttachment connect(Path ownerSocket, String deviceName, long timeoutNanos) {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Hangs up when the owner closes or dies. */
    public Descriptor descriptor() {
        throw new UnsupportedOperationException("not built yet");
    }

    /** Whether the owner has closed or died. */
    public boolean isOwnerGone() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public long enter() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public void exit() {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int access, DmaWindow window) {
        throw new UnsupportedOperationException("not built yet");
    }

    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("not built yet");
    }
}
