package dev.outboard.host.bus;

import dev.outboard.dma.DomainSource;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.driver.DeviceId;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * Where a device is: the bus, and the place on it. Written {@code scheme:location}, as {@code
 * vhost-user:nic0.sock}.
 *
 * @param bus the bus
 * @param location the place, as the bus understands it
 */
public record DeviceAddress(Bus bus, String location) {
    /**
     * Reads an address; nothing is opened.
     *
     * @throws IllegalArgumentException when it is none; the message lists what there is
     */
    public static DeviceAddress parse(String text) {
        return parse(
                text,
                ServiceLoader.load(Bus.class).stream().map(ServiceLoader.Provider::get).toList());
    }

    static DeviceAddress parse(String text, List<? extends Bus> buses) {
        var colon = text.indexOf(':');
        var scheme = colon < 0 ? "" : text.substring(0, colon);
        var location = text.substring(colon + 1);
        for (var bus : buses) {
            if (bus.scheme().equals(scheme)) {
                if (location.isEmpty()) {
                    throw new IllegalArgumentException(
                            "device address '" + text + "' names no device: " + bus.help());
                }
                bus.check(location);
                return new DeviceAddress(bus, location);
            }
        }
        throw new IllegalArgumentException(
                "'"
                        + text
                        + "' is no device address: there is "
                        + buses.stream().map(Bus::help).sorted().collect(Collectors.joining("; ")));
    }

    /** The name that the device is claimed by. */
    public String deviceName() {
        return bus.deviceName(location);
    }

    /** What is there, or null; see {@link Bus#identify}. */
    public DeviceId identify() {
        return bus.identify(location);
    }

    /** Who keeps translations there unasked; see {@link Bus#keeper}. */
    public String keeper() {
        return bus.keeper(location);
    }

    /** Where they come from; see {@link Bus#domains}. */
    public DomainSource domains() {
        return bus.domains(location);
    }

    /** Memory without them; see {@link Bus#memory}. */
    public PhysicalMemory memory(long lengthBytes, PageKind pages, boolean noIommu) {
        return bus.memory(location, lengthBytes, pages, noIommu);
    }

    /** Opens the device; see {@link Bus#open}. */
    public HostedDevice open(DeviceSetup setup) {
        return bus.open(location, setup);
    }

    @Override
    public String toString() {
        return bus.scheme() + ":" + location;
    }
}
