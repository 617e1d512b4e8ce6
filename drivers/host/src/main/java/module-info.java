import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.host.bind.BindCommand;
import dev.outboard.host.bind.ListCommand;
import dev.outboard.host.bind.UnbindCommand;
import dev.outboard.host.bus.Bus;
import dev.outboard.host.capture.CaptureCommand;
import dev.outboard.host.cli.Subcommand;
import dev.outboard.host.device.DeviceCommand;
import dev.outboard.host.doctor.DoctorCommand;
import dev.outboard.host.log.PlatformLog;
import dev.outboard.host.mediator.MediatorCommand;
import dev.outboard.host.memory.MemoryCommand;
import dev.outboard.host.pci.PciBus;
import dev.outboard.host.pci.QtestBus;
import dev.outboard.host.run.RunCommand;
import dev.outboard.host.top.TopCommand;
import dev.outboard.host.vfiouser.VfioUserBus;
import dev.outboard.host.vhost.VhostUserBus;

/**
 * The process that hosts a driver, the buses it finds devices on, and the {@code outboard} command.
 *
 * <p>A module that adds a word to the command {@code provides} {@link Subcommand}, one that brings
 * another kind of bus {@link Bus}.
 */
module dev.outboard.host {
    requires transitive dev.outboard.driver;
    requires transitive info.picocli;
    requires dev.outboard.models;
    requires com.fasterxml.jackson.core;
    requires io.netty.buffer;
    requires io.netty.codec;
    requires io.netty.codec.http;
    requires io.netty.common;
    requires io.netty.transport;
    requires io.prometheus.metrics.model;
    requires io.prometheus.writer.text;
    requires org.slf4j;

    exports dev.outboard.host.bus;
    exports dev.outboard.host.cli;
    exports dev.outboard.host.control;
    exports dev.outboard.host.event;
    exports dev.outboard.host.pcap;
    exports dev.outboard.host.process;

    opens dev.outboard.host.bind to
            info.picocli;
    opens dev.outboard.host.capture to
            info.picocli;
    opens dev.outboard.host.cli to
            info.picocli;
    opens dev.outboard.host.control to
            info.picocli;
    opens dev.outboard.host.device to
            info.picocli;
    opens dev.outboard.host.doctor to
            info.picocli;
    opens dev.outboard.host.mediator to
            info.picocli;
    opens dev.outboard.host.memory to
            info.picocli;
    opens dev.outboard.host.run to
            info.picocli;
    opens dev.outboard.host.top to
            info.picocli;

    uses Client;
    uses Driver;
    uses Bus;
    uses Subcommand;

    provides Bus with
            VhostUserBus,
            PciBus,
            QtestBus,
            VfioUserBus;
    provides System.LoggerFinder with
            PlatformLog;
    provides Subcommand with
            RunCommand,
            DeviceCommand,
            MediatorCommand,
            MemoryCommand,
            ListCommand,
            BindCommand,
            UnbindCommand,
            TopCommand,
            CaptureCommand,
            DoctorCommand;
}
