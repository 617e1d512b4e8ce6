package dev.outboard.host.run;

import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Service;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.cli.UsageException;
import java.lang.module.FindException;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.lang.module.ResolutionException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The drivers and clients there are: in the modules of this process, and in a folder of modules.
 */
final class Modules {
    /** The words for drivers of a kind, whichever fits the device. */
    private static final Map<String, Class<? extends Service>> KINDS =
            Map.of("net", NetworkService.class, "block", BlockService.class);

    private final ModuleLayer layer;

    private Modules(ModuleLayer layer) {
        this.layer = layer;
    }

    /**
     * The modules of this process, and those in {@code folders}.
     *
     * @throws UsageException when a folder is none, or its modules do not resolve
     */
    static Modules of(List<Path> folders) {
        for (var folder : folders) {
            if (!Files.exists(folder)) {
                throw new UsageException("--module-path " + folder + ": there is no such folder");
            }
        }
        var boot = Modules.class.getModule().getLayer();
        if (folders.isEmpty()) {
            return new Modules(boot);
        }
        try {
            var finder = ModuleFinder.of(folders.toArray(Path[]::new));
            var names =
                    finder.findAll().stream()
                            .map(ModuleReference::descriptor)
                            .map(java.lang.module.ModuleDescriptor::name)
                            .filter(name -> boot.findModule(name).isEmpty())
                            .collect(Collectors.toSet());
            var configuration =
                    boot.configuration().resolveAndBind(finder, ModuleFinder.of(), names);
            return new Modules(
                    boot.defineModulesWithOneLoader(
                            configuration, ClassLoader.getSystemClassLoader()));
        } catch (FindException | ResolutionException | java.lang.LayerInstantiationException e) {
            throw new UsageException(
                    "the modules of --module-path cannot be used: " + e.getMessage());
        }
    }

    /**
     * Finds a driver by its name, or by the name of its module.
     *
     * @throws UsageException when there is none; the message lists what there is
     */
    Driver driver(String name) {
        return find("driver", name, Driver.class, Driver::name, "--module-path DIR finds others");
    }

    /**
     * Finds the driver of a device: by name, by module, or, by what it serves ({@code net}, {@code
     * block}), the one that fits the device.
     *
     * @throws UsageException when there is none, or several
     */
    Driver driver(String name, DeviceAddress address) {
        var kind = KINDS.get(name);
        if (kind == null) {
            return driver(name);
        }
        var id = address.identify();
        var serving =
                provided(Driver.class).stream()
                        .filter(one -> kind.isAssignableFrom(one.service()))
                        .toList();
        if (id == null) {
            throw new UsageException(
                    ("nothing says what %s is before it is opened: name the driver instead of"
                                    + " '%s': %s")
                            .formatted(address, name, list(serving, Driver::name)));
        }
        var fitting = serving.stream().filter(one -> one.match().accepts(id)).toList();
        if (fitting.size() == 1) {
            return fitting.getFirst();
        }
        throw new UsageException(
                "%s '%s' drives %s (%s): there is %s; --module-path DIR finds others"
                        .formatted(
                                fitting.isEmpty()
                                        ? "no driver that serves"
                                        : "more than one driver that serves",
                                name,
                                address,
                                id,
                                list(serving, Driver::name)));
    }

    /**
     * Finds a client by its name.
     *
     * @throws UsageException when there is none; the message lists what there is
     */
    Client client(String name) {
        return find("client", name, Client.class, Client::name, "--module-path DIR finds others");
    }

    /** What there is, for the help. */
    String describe() {
        return "%nDrivers:%n".formatted()
                + lines(Driver.class, Driver::name, driver -> "module " + moduleOf(driver))
                + "%nClients:%n".formatted()
                + lines(Client.class, Client::name, Client::help);
    }

    private <T> String lines(Class<T> type, Function<T, String> nameOf, Function<T, String> what) {
        return provided(type).stream()
                .map(one -> "  %-16s %s%n".formatted(nameOf.apply(one), what.apply(one)))
                .sorted()
                .collect(Collectors.joining());
    }

    private <T> List<T> provided(Class<T> type) {
        return ServiceLoader.load(layer, type).stream().map(ServiceLoader.Provider::get).toList();
    }

    private <T> T find(
            String kind, String name, Class<T> type, Function<T, String> nameOf, String remedy) {
        var all = provided(type);
        var found =
                all.stream()
                        .filter(one -> name.equals(nameOf.apply(one)) || name.equals(moduleOf(one)))
                        .toList();
        if (found.size() == 1) {
            return found.getFirst();
        }
        var problem =
                found.isEmpty() ? "there is no " + kind + " '" : "several " + kind + "s are '";
        throw new UsageException(
                problem
                        + name
                        + "': there is "
                        + (all.isEmpty() ? "none" : list(all, nameOf))
                        + "; "
                        + remedy);
    }

    private static <T> String list(List<T> all, Function<T, String> nameOf) {
        return all.stream()
                .map(one -> nameOf.apply(one) + " (module " + moduleOf(one) + ")")
                .sorted()
                .collect(Collectors.joining(", "));
    }

    private static String moduleOf(Object provided) {
        return provided.getClass().getModule().getName();
    }
}
