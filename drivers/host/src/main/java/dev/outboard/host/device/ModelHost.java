package dev.outboard.host.device;

import dev.outboard.host.cli.OwnProcess;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.models.DeviceModel;

/** Runs a device model on the main thread until the process is asked to end. */
final class ModelHost {
    private ModelHost() {}

    /**
     * Returns when everything is closed and the sockets are gone.
     *
     * @param name of the process
     * @param ready called when drivers can connect
     */
    static void run(String name, DeviceModel model, Runnable ready) {
        OwnProcess.dropRights();
        OwnProcess.name(name);
        StopRequest.ofProcess().onStop(model::stop);
        try (model) {
            model.run(ready);
        }
    }
}
