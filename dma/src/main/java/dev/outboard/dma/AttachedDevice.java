package dev.outboard.dma;

import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.DeviceCounters;
import dev.outboard.iommu.Fault;
import dev.outboard.iommu.OwnerControl;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.UnixSocket;

/**
 * One device as its owner sees it: the socket it came by, its control page, its fault event. Owned
 * by the owner's thread; the flush uses {@link #control}, {@link #isGone} and the stuck mark.
 */
final class AttachedDevice {
    private final String name;
    private final int processId;
    private final UnixSocket socket;
    private final MemoryFile controlFile;
    private final Mapping controlMapping;
    private final EventDescriptor faultEvent;
    private final OwnerControl control;
    private boolean closed;
    private volatile boolean stuck;

    /** Makes the control page and the event; takes the socket only if that succeeds. */
    AttachedDevice(String name, UnixSocket socket) {
        this.name = name;
        this.socket = socket;
        processId = socket.peer().pid();
        controlFile =
                MemoryFile.create("outboard-iommu-control", ControlPageDescriptor.LENGTH_BYTES);
        Mapping mapping = null;
        try {
            controlFile.sealSize();
            mapping = controlFile.map(0, ControlPageDescriptor.LENGTH_BYTES, true);
            faultEvent = EventDescriptor.create();
        } catch (RuntimeException failure) {
            if (mapping != null) {
                mapping.close();
            }
            controlFile.close();
            throw failure;
        }
        controlMapping = mapping;
        control = new OwnerControl(mapping.memory());
    }

    String name() {
        return name;
    }

    int processId() {
        return processId;
    }

    UnixSocket socket() {
        return socket;
    }

    MemoryFile controlFile() {
        return controlFile;
    }

    EventDescriptor faultEvent() {
        return faultEvent;
    }

    OwnerControl control() {
        return control;
    }

    /**
     * Whether its process has closed the socket or died: then it is in no DMA section. Any thread.
     */
    synchronized boolean isGone() {
        return closed || socket.isPeerGone();
    }

    boolean isStuck() {
        return stuck;
    }

    void setStuck() {
        stuck = true;
    }

    void clearStuck() {
        if (stuck) {
            stuck = false;
        }
    }

    Fault takeFault() {
        return control.takeFault(name);
    }

    DeviceCounters counters() {
        return control.counters();
    }

    /**
     * Ends the connection and unmaps the control page; the device must have left its domain's set.
     */
    synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        socket.close();
        faultEvent.close();
        controlMapping.close();
        controlFile.close();
    }
}
