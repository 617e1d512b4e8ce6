package dev.outboard.dma;

import dev.outboard.iommu.ControlPageDescriptor;
import dev.outboard.iommu.DeviceCounters;
import dev.outboard.iommu.Fault;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The devices of a domain: which may come, which are there, and what those counted that are gone.
 *
 * <p>Owned by the domain. Devices come and go on the owner's thread; the rest is any thread's.
 */
final class DomainDevices {
    private final DeviceSet flushed = new DeviceSet();
    private final DevicePresence presence = new DevicePresence();
    private final FaultDelivery faults = new FaultDelivery();

    /** The hub of each device that was admitted beside the one that was claimed. */
    private final Map<String, Integer> hubs = new HashMap<>();

    private AttachedDevice[] devices = {};
    private DeviceCounters countersOfGone = DeviceCounters.NONE;
    private long garbledByGone;
    private volatile Runnable listener = () -> {};

    /** The devices as flushes ask them. */
    DeviceSet flushed() {
        return flushed;
    }

    /** How many were told to start, and are not gone. */
    DevicePresence presence() {
        return presence;
    }

    FaultDelivery faults() {
        return faults;
    }

    /** Lets one more come, to a hub; false if it was let before. */
    synchronized boolean admit(String deviceName, int hubId) {
        return hubs.putIfAbsent(deviceName, hubId) == null;
    }

    synchronized void revoke(String deviceName) {
        hubs.remove(deviceName);
    }

    /** The hub of a device that was admitted. */
    synchronized int hubOf(String deviceName) {
        return hubs.getOrDefault(deviceName, 0);
    }

    /** Which device of that name is attached, or null. */
    synchronized AttachedDevice find(String deviceName) {
        for (AttachedDevice device : devices) {
            if (device.name().equals(deviceName)) {
                return device;
            }
        }
        return null;
    }

    /** Flushes include the device from now on. Only then may it be told to start. */
    synchronized void add(AttachedDevice device) {
        AttachedDevice[] more = Arrays.copyOf(devices, devices.length + 1);
        more[devices.length] = device;
        devices = more;
        flushed.set(more);
    }

    /** Any waiter may go on: the device that was added last was told to start. */
    void announce() {
        synchronized (this) {
            presence.set(devices.length);
        }
        listener.run();
    }

    /** The device is gone. Its last faults are delivered, its counters kept. */
    void remove(AttachedDevice device) {
        deliverFaults(device);
        synchronized (this) {
            AttachedDevice[] fewer =
                    Arrays.stream(devices)
                            .filter(other -> other != device)
                            .toArray(AttachedDevice[]::new);
            if (fewer.length == devices.length) {
                return;
            }
            devices = fewer;
            flushed.set(fewer);
            countersOfGone = countersOfGone.plus(device.counters());
            garbledByGone += device.control().faultsGarbled();
            presence.set(fewer.length);
        }
        listener.run();
    }

    /** Who is told that one came or went; at once if one is there. */
    void onChange(Runnable told) {
        listener = told;
        if (presence.count() > 0) {
            // It may have come before there was anybody to be told.
            told.run();
        }
    }

    /** Takes a ring's worth of faults at most; true if there may be more. */
    boolean deliverFaults(AttachedDevice device) {
        for (int taken = 0; taken < ControlPageDescriptor.FAULTS; taken++) {
            Fault fault = device.takeFault();
            if (fault == null) {
                return false;
            }
            faults.deliver(fault);
        }
        return true;
    }

    synchronized DomainStatistics statistics() {
        DeviceCounters counters = countersOfGone;
        long garbled = garbledByGone;
        for (AttachedDevice device : devices) {
            counters = counters.plus(device.counters());
            garbled += device.control().faultsGarbled();
        }
        return new DomainStatistics(devices.length, counters, faults.delivered(), garbled);
    }
}
