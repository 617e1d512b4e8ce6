package dev.outboard.models;

/** An emulated device that drivers reach over vhost-user or vfio-user. It is run once. */
public sealed interface DeviceModel extends AutoCloseable
        permits NicModel, DiskModel, NvmeModel, EduModel {
    /**
     * Serves drivers on the calling thread, until {@link #stop} is called from another.
     *
     * @param ready called once, when every socket listens
     * @throws DeviceModelException when the device cannot start as it was asked to
     */
    void run(Runnable ready);

    /**
     * Serves drivers on a daemon thread; every socket listens when this returns.
     *
     * @throws DeviceModelException when the device cannot start as it was asked to
     */
    void start();

    /** Ends every session and closes everything; returns when that is done. Any thread. */
    void stop();

    /** As {@link #stop}. */
    @Override
    void close();
}
