package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.util.List;

/**
 * A PCI function that is offered to a client: what a {@link VfioUserSession} asks of it. On the
 * session's thread, while it receives.
 */
public interface VfioUserDevice {
    /** Region of the configuration space. */
    int CONFIGURATION = VfioUserDescriptor.CONFIGURATION_REGION;

    /** Vectors of the line, of MSI, of MSI-X: numbers of {@link #vectors}. */
    int INTX = VfioUserDescriptor.INTX;

    int MSI = VfioUserDescriptor.MSI;
    int MSIX = VfioUserDescriptor.MSIX;

    /** Bytes of a region, 0 to 5 a base address, {@link #CONFIGURATION}; 0 if it has none. */
    long regionBytes(int region);

    /** What of a region a client may map; null if nothing. */
    default Shared shared(int region) {
        return null;
    }

    /** How many interrupts of a kind it has. */
    int vectors(int kind);

    /**
     * Reads a register.
     *
     * @param bytes 1, 2, 4 or 8, within the region
     * @throws IllegalArgumentException if there is none like that
     */
    long read(int region, long offset, int bytes);

    /** Writes a register; as {@link #read}. */
    void write(int region, long offset, int bytes, long value);

    /**
     * Whom to signal from now on: events of vectors {@code 0} to before their number, null where
     * nobody listens. They stay the session's, open until the next call.
     */
    void signal(int kind, EventDescriptor[] events);

    /** As after power-on. */
    void reset();

    /**
     * A part of a region in a file.
     *
     * @param file stays the device's
     * @param fileOffset where the region begins in it
     * @param areas that may be mapped; empty if all of it
     */
    record Shared(Descriptor file, long fileOffset, List<Area> areas) {}

    /** A piece of a region. */
    record Area(long offset, long lengthBytes) {}
}
