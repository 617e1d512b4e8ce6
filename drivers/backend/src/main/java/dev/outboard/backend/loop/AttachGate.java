package dev.outboard.backend.loop;

/**
 * Keeps a port whose IOMMU does not answer from stalling the other ports: to attach is to wait, on
 * the one thread there is. After a wait in vain the gate is shut for nine times as long, so that at
 * most a tenth of the thread's time is lost, however often a driver tries. The loop's thread.
 */
public final class AttachGate {
    private static final int REST = 9;

    private boolean shut;
    private long openNanos;

    /** Open. */
    public AttachGate() {}

    /** For how long it is still shut; 0 when it is open. */
    public long shutNanos(long nowNanos) {
        if (shut && nowNanos - openNanos >= 0) {
            shut = false;
        }
        return shut ? openNanos - nowNanos : 0;
    }

    /** An attempt that began then failed now. */
    public void failed(long beganNanos, long nowNanos) {
        shut = true;
        openNanos = nowNanos + REST * (nowNanos - beganNanos);
    }
}
